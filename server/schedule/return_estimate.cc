#include "server/schedule/return_estimate.h"

#include <algorithm>
#include <cmath>

namespace mneme {
namespace {

constexpr double kFirstBin = 16e-6;  // seconds; the last ends at 1.05
constexpr absl::Duration kLongest = absl::Seconds(1);
// Answers so close together are one group.
constexpr absl::Duration kTogether = absl::Microseconds(64);
// Groups that are asked about: who was away longer will not be waited for.
constexpr size_t kAsked = 64;
// Returns that are remembered; then each counts half.
constexpr double kRemembered = 4096;

// 0 is kFirstBin, and 1 more a quarter of a doubling.
double Place(absl::Duration time) {
  const double seconds = std::max(absl::ToDoubleSeconds(time), 1e-9);
  return 4 * std::log2(seconds / kFirstBin);
}

}  // namespace

size_t ReturnEstimate::BinOf(absl::Duration time) {
  return static_cast<size_t>(
      std::clamp(Place(time), 0.0, static_cast<double>(kBins - 1)));
}

void ReturnEstimate::Histogram::Add(double* bin, double count) {
  *bin += count;
  total += count;
  if (total < kRemembered) return;
  for (double& other : back) other /= 2;
  never /= 2;
  total /= 2;
}

double ReturnEstimate::Histogram::Below(absl::Duration time) const {
  if (total <= 0 || time <= absl::ZeroDuration()) return 0;
  const double place = std::clamp(Place(time), 0.0, double{kBins});
  const auto whole = static_cast<size_t>(place);
  double below = 0;
  for (size_t i = 0; i < whole; ++i) below += back[i];
  if (whole < kBins) below += back[whole] * (place - std::floor(place));
  return below / total;
}

void ReturnEstimate::Answered(const void* model, const void* session,
                              absl::Duration now) {
  Model& known = models_[model];
  Expire(&known, now);
  Withdraw(session);
  if (known.groups.empty() || now - known.groups.back().answered > kTogether) {
    known.groups.push_back({now, 0});
  }
  ++known.groups.back().away;
  const uint64_t group = known.first + known.groups.size() - 1;
  if (away_.size() >= forget_at_) ForgetLost();
  away_[session] = {model, group, now};
}

void ReturnEstimate::Returned(const void* session, absl::Duration now) {
  const std::optional<Session> back = Withdraw(session);
  if (!back.has_value()) return;
  Histogram& times = models_[back->model].times;
  times.Add(&times.back[BinOf(now - back->answered)], 1);
}

std::optional<ReturnEstimate::Session> ReturnEstimate::Withdraw(
    const void* session) {
  const auto it = away_.find(session);
  if (it == away_.end()) return std::nullopt;
  const Session found = it->second;
  away_.erase(it);
  Model& model = models_[found.model];
  if (found.group < model.first) return std::nullopt;
  --model.groups[found.group - model.first].away;
  return found;
}

double ReturnEstimate::Expected(const void* model, absl::Duration now,
                                absl::Duration until) const {
  const auto it = models_.find(model);
  if (it == models_.end()) return 0;
  const auto& [times, groups, first] = it->second;
  double expected = 0;
  const size_t asked = std::min(groups.size(), kAsked);
  for (size_t i = groups.size() - asked; i < groups.size(); ++i) {
    if (groups[i].away == 0) continue;
    const double before = times.Below(now - groups[i].answered);
    const double by_then = times.Below(until - groups[i].answered);
    if (by_then <= before) continue;
    expected +=
        static_cast<double>(groups[i].away) * (by_then - before) / (1 - before);
  }
  return expected;
}

double ReturnEstimate::Chance(const void* model, absl::Duration within) const {
  const auto it = models_.find(model);
  return it == models_.end() ? 0 : it->second.times.Below(within);
}

void ReturnEstimate::Expire(Model* model, absl::Duration now) {
  while (!model->groups.empty() &&
         now - model->groups.front().answered > kLongest) {
    const auto lost = static_cast<double>(model->groups.front().away);
    if (lost > 0) model->times.Add(&model->times.never, lost);
    model->groups.pop_front();
    ++model->first;
  }
}

void ReturnEstimate::ForgetLost() {
  absl::erase_if(away_, [this](const auto& entry) {
    return entry.second.group < models_[entry.second.model].first;
  });
  forget_at_ = std::max(forget_at_, 2 * away_.size());
}

}  // namespace mneme
