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
  std::vector<uint64_t> starts = MessageStarts(*record);
  const uint64_t value = std::prev(after)->step;
  std::erase(starts, value);
  starts.push_back(value);
  if (static_cast<int64_t>(starts.size()) > limits.messages) {
    starts.erase(starts.begin(), std::prev(starts.end(), limits.messages));
  }
  SetMessageStarts(starts, record);
}

bool Contains(const std::vector<uint64_t>& steps, uint64_t step) {
  return std::find(steps.begin(), steps.end(), step) != steps.end();
}

// Drops the values that nothing needs, and the replies up to the oldest value
// that is not only pinned. The replies on the way to a dropped value are then
// on the way to the next one that stays.
void DropValues(const RetentionLimits& limits,
                const std::vector<uint64_t>& held, SessionRecord* record) {
  std::vector<RetainedValue>& retained = record->retained;
  const uint64_t head = retained.back().step;
  uint64_t on_the_way = 0;
  size_t kept = 0;
  bool replies = false;
  for (const RetainedValue& value : retained) {
    on_the_way += value.reply_bytes;
    const bool recent =
        value.step + static_cast<uint64_t>(limits.values) > head ||
        value.message > 0 || value.held > 0 || Contains(held, value.step);
    if (!recent && !value.pinned) continue;
    // The replies before `first_reply` are gone, whatever is recent again.
    const bool replied = recent && value.step + 1 >= record->first_reply;
    if (replied && !replies) record->first_reply = value.step + 1;
    const uint64_t bytes = replies ? on_the_way : 0;
    retained[kept] = value;
    retained[kept++].reply_bytes = static_cast<uint32_t>(bytes);
    on_the_way = 0;
    replies |= replied;
  }
  retained.resize(kept);
}

}  // namespace

void AddStep(const NewStep& added, const RetentionLimits& limits,
             SessionRecord* record) {
  if (added.message_start.has_value()) {
    AddMessage(*added.message_start, limits, record);
  }
  record->retained.push_back(
      {added.step, static_cast<uint32_t>(added.reply_bytes)});
  DropValues(limits, added.held, record);
  record->retained.shrink_to_fit();  // a million sessions may have one
}

void RollBack(uint64_t step, SessionRecord* record) {
  const auto first = std::find_if(
      record->retained.begin(), record->retained.end(),
      [step](const RetainedStep& value) { return value.step > step; });
  const auto kept = static_cast<size_t>(first - record->retained.begin());
  record->retained.resize(kept);
  record->retained.shrink_to_fit();
  record->first_reply = std::min(record->first_reply, step + 1);
  // What started from the head is rolled back.
  record->retained.back().message = 0;
}

SessionRecord ForkAt(uint64_t step, const SessionRecord& record) {
  SessionRecord fork = record;
  // A vector of its own: assigned in place it would keep its parent's room.
  fork.retained =
      std::vector<RetainedValue>{{*FindStep(record.retained, step), 0}};
  fork.first_reply = step + 1;
  return fork;
}

}  // namespace mneme
