#ifndef MNEME_SERVER_SESSION_PLACEMENT_H_
#define MNEME_SERVER_SESSION_PLACEMENT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/session/segment.h"
#include "server/session/session_record.h"

namespace mneme {

// Where a session stands, as placement sees it.
struct StreamState {
  std::string session_id;
  int64_t segment_size = 0;
  uint32_t step_flags = 0;             // of each step, see lineage.h
  std::vector<RetainedStep> retained;  // by step, the head last
  // The first step whose reply is kept: messages go after the value before it.
  uint64_t first_reply = 1;
  std::vector<int32_t> tail;  // accepted after the head

  Position HeadPosition() const;
};

// What a message turns into.
struct Placement {
  // at.handle, if it is not among the retained values: anybody could have made
  // it up, so its kept reply must show the same digest before all else.
  std::optional<RetainedStep> unverified;
  std::vector<ReplayedSegment> replays;        // to be answered again, in order
  std::vector<std::vector<int32_t>> segments;  // to be applied, in order
  // If the message reaches the head: the session's tail after `segments`.
  bool reaches_head = true;
  std::vector<int32_t> tail;
  // How far into that tail the message goes (all of it, unless the message is
  // a part of what the session has already).
  uint64_t next_tail = 0;
  // If it does not: where it stands, and the tokens that fill no segment.
  RetainedStep behind;
  std::vector<int32_t> pending;
};

// ABORTED VERSION_CONFLICT with the session's head and tail in the ErrorInfo.
absl::Status VersionConflict(const Position& head, absl::string_view why);

// The memory or the replies of `step` are gone: FAILED_PRECONDITION.
absl::Status NotRetained(uint64_t step, uint64_t oldest);

// Places a message by DESIGN 3, as a pure function. `cursor` stands for the
// messages before it in the same stream. Errors: ABORTED VERSION_CONFLICT with
// head and tail in the ErrorInfo, FAILED_PRECONDITION NOT_RETAINED,
// INVALID_ARGUMENT for a handle of another session.
absl::StatusOr<Placement> Place(const StreamState& state, const Cursor& cursor,
                                const SegmentRequest& request);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_PLACEMENT_H_
