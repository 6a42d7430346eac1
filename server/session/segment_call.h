#ifndef MNEME_SERVER_SESSION_SEGMENT_CALL_H_
#define MNEME_SERVER_SESSION_SEGMENT_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/schedule/step_task.h"
#include "server/session/segment.h"
#include "server/session/session.h"

namespace mneme {

// One message's whole story, in the order of the methods below: it is placed
// in its session's stream, segments applied before are answered again, new ones
// are stepped, committed and collected, and the reply goes out.
//
// Owned by the callback that it waits for; answers exactly once, by Refuse() or
// at the end of what Start() began. Its steps run one after another, on
// whichever thread the last one ended: gRPC (Start), the executor (a step), the
// store writer (a commit or a read).
class SegmentCall : public std::enable_shared_from_this<SegmentCall> {
 public:
  SegmentCall(std::shared_ptr<Session> session, CursorRef cursor,
              SegmentRequest request, SegmentDone done);

  // Answers with `status`; Start() is never called.
  void Refuse(const absl::Status& status);

  // REQUIRES: no other call of the session runs.
  void Start();

 private:
  // Does what is next: a replay, a segment, or the end.
  void Continue();

  // Outputs of a segment applied before: kept ones, or the step once more,
  // from its parent or, if that is not retained, the nearest value before it.
  void Replay();
  void OnKept(absl::StatusOr<std::string> bytes);
  void Recompute();
  void RecomputeStep();
  void OnRecomputed(absl::StatusOr<StepOutcome> outcome);

  // Whether the memory that a replayed step starts from is at hand.
  bool HasMemory(const RetainedStep& step) const;

  // A new segment: memory, step, commit.
  void Apply();
  void Step(StepTask task,
            void (SegmentCall::*next)(absl::StatusOr<StepOutcome>));
  void OnStepped(absl::StatusOr<StepOutcome> outcome);
  void OnCommitted(const absl::Status& status);
  // See AddStep; of the running segment.
  std::optional<uint64_t> MessageStart() const;

  // Reads a value for `task`, then steps.
  void ReadMemory(const Digest& digest, StepTask task,
                  void (SegmentCall::*next)(absl::StatusOr<StepOutcome>));

  absl::Status CheckAlive() const;
  void Finish();
  void Fail(const absl::Status& status);
  void Answer(absl::StatusOr<SegmentReply> reply);

  const std::shared_ptr<Session> session_;
  const CursorRef cursor_;
  SegmentRequest request_;
  SegmentDone done_;
  const absl::Duration received_;

  Placement placement_;
  size_t next_replay_ = 0;
  size_t recomputing_ = 0;  // up to next_replay_
  size_t next_segment_ = 0;
  RetainedStep applying_;    // the step that the running segment makes
  AppliedSegment computed_;  // of the running segment
  MemoryRef computed_memory_;
  absl::Duration stepped_;  // when its step was done
  SegmentReply reply_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SEGMENT_CALL_H_
