#include "server/session/retention.h"

#include <algorithm>
#include <iterator>

namespace mneme {

namespace {

void AddMessage(uint64_t start, const RetentionLimits& limits,
                SessionRecord* record) {
  std::vector<uint64_t>& starts = record->message_starts;
  const auto place = std::lower_bound(starts.begin(), starts.end(), start);
  const bool known = place != starts.end() && *place == start;
  if (known || FindStep(record->retained, start) == nullptr) return;
  starts.insert(place, start);
  if (static_cast<int64_t>(starts.size()) > limits.messages) {
    starts.erase(starts.begin(), std::prev(starts.end(), limits.messages));
  }
}

}  // namespace

Forgotten AddStep(const RetainedStep& step,
                  std::optional<uint64_t> message_start,
                  const RetentionLimits& limits, SessionRecord* record) {
  std::vector<RetainedStep>& retained = record->retained;
  const std::vector<uint64_t>& starts = record->message_starts;
  Forgotten forgotten;
  forgotten.first_reply = retained.front().step + 1;
  if (message_start.has_value()) AddMessage(*message_start, limits, record);
  retained.push_back(step);
  const auto kept = [&](const RetainedStep& value) {
    return value.step + static_cast<uint64_t>(limits.values) > step.step ||
           std::binary_search(starts.begin(), starts.end(), value.step);
  };
  const auto gone =
      std::stable_partition(retained.begin(), retained.end(), kept);
  forgotten.values.assign(gone, retained.end());
  retained.erase(gone, retained.end());
  forgotten.end_reply = retained.front().step + 1;
  return forgotten;
}

}  // namespace mneme
