#include "server/schedule/step_estimate.h"

#include <algorithm>
#include <cmath>

namespace mneme {
namespace {

constexpr double kRise = 1.0 / 8;
constexpr double kFall = 1.0 / 2;

}  // namespace

size_t StepEstimate::SizeOf(int64_t tokens) {
  const double log =
      std::log2(static_cast<double>(std::max<int64_t>(tokens, 1)));
  return std::min(static_cast<size_t>(4 * log), kSizes - 1);
}

void StepEstimate::Record(const void* model, int64_t tokens,
                          absl::Duration step, absl::Duration now) {
  Model& known = models_[model];
  known.last_run = now;
  Size& size = known.sizes[SizeOf(tokens)];
  const auto exact = static_cast<double>(std::max<int64_t>(tokens, 1));
  const double seconds = absl::ToDoubleSeconds(step);
  if (size.tokens == 0) {
    size = {exact, seconds};
    return;
  }
  const double part = seconds < size.seconds ? kFall : kRise;
  size.seconds += part * (seconds - size.seconds);
  size.tokens += part * (exact - size.tokens);
}

absl::Duration StepEstimate::Expected(const void* model, int64_t tokens) const {
  const auto it = models_.find(model);
  if (it == models_.end()) return absl::ZeroDuration();
  const auto exact = static_cast<double>(std::max<int64_t>(tokens, 1));
  // The nearest that ran, at most and at least as large.
  const Size* below = nullptr;
  const Size* above = nullptr;
  const auto& sizes = it->second.sizes;
  for (size_t i = SizeOf(tokens) + 1; i-- > 0 && below == nullptr;) {
    if (sizes[i].tokens > 0 && sizes[i].tokens <= exact) below = &sizes[i];
  }
  for (size_t i = SizeOf(tokens); i < kSizes && above == nullptr; ++i) {
    if (sizes[i].tokens >= exact) above = &sizes[i];
  }
  if (above == nullptr) return absl::Seconds(below->seconds);
  if (below == nullptr) {
    return absl::Seconds(above->seconds * exact / above->tokens);
  }
  if (above == below) return absl::Seconds(below->seconds);
  const double part = (exact - below->tokens) / (above->tokens - below->tokens);
  return absl::Seconds(below->seconds +
                       part * (above->seconds - below->seconds));
}

absl::Duration StepEstimate::LastRun(const void* model) const {
  const auto it = models_.find(model);
  return it == models_.end() ? -absl::InfiniteDuration() : it->second.last_run;
}

}  // namespace mneme
