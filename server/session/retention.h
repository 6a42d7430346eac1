#ifndef MNEME_SERVER_SESSION_RETENTION_H_
#define MNEME_SERVER_SESSION_RETENTION_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "server/session/session_record.h"

namespace mneme {

// How much of its past a session keeps, so that it can be named and retried.
// Plain values and a pure function.
struct RetentionLimits {
  // The newest values, the head among them.
  int64_t values = 8;
  // The newest messages that applied a segment: the value that each started
  // from stays too, so that it can be sent again however many segments it made.
  int64_t messages = 8;
};

// A step that was computed from the head.
struct NewStep {
  RetainedStep step;
  // If it is the first that its message applies: where that message begins.
  std::optional<uint64_t> message_start;
  uint64_t reply_bytes = 0;  // what its kept reply takes in the store
  // Retained steps that stay besides, each with the replies after it.
  std::vector<uint64_t> held = {};
};

// Makes `added`, which follows the head, the head. What nothing needs any more
// is let go; a pinned value stays, and does not keep replies.
void AddStep(const NewStep& added, const RetentionLimits& limits,
             SessionRecord* record);

// Makes the value of `step`, which is retained, the head.
void RollBack(uint64_t step, SessionRecord* record);

// What a session that is forked from the value of `step`, which is retained,
// begins with: that value and nothing else.
SessionRecord ForkAt(uint64_t step, const SessionRecord& record);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_RETENTION_H_
