#include "server/session/retention.h"

#include <algorithm>
#include <iterator>

namespace mneme {

namespace {

// A message that begins between retained values is reached from the one before.
void AddMessage(uint64_t start, const RetentionLimits& limits,
                SessionRecord* record) {
  const auto after =
      std::upper_bound(record->retained.begin(), record->retained.end(), start,
                       [](uint64_t step, const RetainedStep& value) {
                         return step < value.step;
                       });
  if (after == record->retained.begin()) return;
  std::vector<uint64_t>& starts = record->message_starts;
  const uint64_t value = std::prev(after)->step;
  std::erase(starts, value);
  starts.push_back(value);
  if (static_cast<int64_t>(starts.size()) > limits.messages) {
    starts.erase(starts.begin(), std::prev(starts.end(), limits.messages));
  }
}

// Whether a value that is not among the newest stays.
bool StartsMessage(const SessionRecord& record, uint64_t step) {
  const std::vector<uint64_t>& starts = record.message_starts;
  return std::find(starts.begin(), starts.end(), step) != starts.end();
}

// Drops the values that nothing needs. The replies on the way to a dropped one
// are then on the way to the next one that stays; those up to the oldest go.
std::vector<RetainedStep> DropValues(const RetentionLimits& limits,
                                     SessionRecord* record) {
  std::vector<RetainedStep>& retained = record->retained;
  std::vector<uint64_t>& bytes = record->reply_bytes;
  const uint64_t head = retained.back().step;
  std::vector<RetainedStep> dropped;
  uint64_t on_the_way = 0;
  size_t kept = 0;
  for (size_t i = 0; i < retained.size(); ++i) {
    const RetainedStep value = retained[i];
    on_the_way += bytes[i];
    if (value.step + static_cast<uint64_t>(limits.values) <= head &&
        !StartsMessage(*record, value.step)) {
      dropped.push_back(value);
      continue;
    }
    retained[kept] = value;
    bytes[kept] = kept == 0 ? 0 : on_the_way;
    on_the_way = 0;
    ++kept;
  }
  retained.resize(kept);
  bytes.resize(kept);
  return dropped;
}

}  // namespace

Forgotten AddStep(const NewStep& added, const RetentionLimits& limits,
                  SessionRecord* record) {
  Forgotten forgotten;
  forgotten.first_reply = record->retained.front().step + 1;
  if (added.message_start.has_value()) {
    AddMessage(*added.message_start, limits, record);
  }
  record->retained.push_back(added.step);
  record->reply_bytes.push_back(added.reply_bytes);
  forgotten.values = DropValues(limits, record);
  forgotten.end_reply = record->retained.front().step + 1;
  return forgotten;
}

Forgotten RollBack(uint64_t step, SessionRecord* record) {
  Forgotten forgotten;
  forgotten.first_reply = step + 1;
  forgotten.end_reply = record->head().step + 1;
  const auto first = std::find_if(
      record->retained.begin(), record->retained.end(),
      [step](const RetainedStep& value) { return value.step > step; });
  const auto kept = static_cast<size_t>(first - record->retained.begin());
  forgotten.values.assign(first, record->retained.end());
  record->retained.resize(kept);
  record->reply_bytes.resize(kept);
  std::erase_if(record->message_starts,
                [step](uint64_t start) { return start >= step; });
  return forgotten;
}

}  // namespace mneme
