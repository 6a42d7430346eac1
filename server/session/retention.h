#ifndef MNEME_SERVER_SESSION_RETENTION_H_
#define MNEME_SERVER_SESSION_RETENTION_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "server/session/session_record.h"

namespace mneme {

// How much of its past a session keeps, so that it can be named and retried.
struct RetentionLimits {
  // The newest values, the head among them.
  int64_t values = 8;
  // The newest messages that applied a segment: the value that each started
  // from stays too, so that it can be sent again however many segments it made.
  int64_t messages = 8;
};

// What is kept no longer.
struct Forgotten {
  std::vector<RetainedStep> values;
  // The replies of the steps from `first_reply` up to, not including,
  // `end_reply`. Replies are kept of every step after the oldest value.
  uint64_t first_reply = 0;
  uint64_t end_reply = 0;
};

// Makes `step`, which follows the head, the head. `message_start`: if it is the
// first that its message applies, the step where that message begins. A pure
// function of its arguments.
Forgotten AddStep(const RetainedStep& step,
                  std::optional<uint64_t> message_start,
                  const RetentionLimits& limits, SessionRecord* record);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_RETENTION_H_
