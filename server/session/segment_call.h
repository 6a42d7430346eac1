#ifndef MNEME_SERVER_SESSION_SEGMENT_CALL_H_
#define MNEME_SERVER_SESSION_SEGMENT_CALL_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/schedule/step_task.h"
#include "server/session/kept_reply.h"
#include "server/session/segment.h"
#include "server/session/session.h"
#include "server/session/session_call.h"

namespace mneme {

// One message's whole story, in the order of the methods below: it is placed
// in its session's stream, segments applied before are answered again, new ones
// are stepped, committed and collected, and the reply goes out.
//
// Owned by the callback that it waits for; answers exactly once, by Refuse() or
// at the end of what Start() began. Its steps run one after another, on
// whichever thread the last one ended: gRPC (Start), the executor (a step), the
// store writer (a commit or a read).
class SegmentCall : public SessionCall,
                    public std::enable_shared_from_this<SegmentCall> {
 public:
  SegmentCall(std::shared_ptr<Session> session, CursorRef cursor,
              SegmentRequest request, SegmentDone done);

  // Answers with `status`; Start() is never called.
  void Refuse(const absl::Status& status) override;

  // REQUIRES: no other call of the session runs.
  void Start() override;

 private:
  using Kept = void (SegmentCall::*)(absl::StatusOr<KeptReply> kept);
  using Stepped = void (SegmentCall::*)(absl::StatusOr<StepOutcome> outcome);

  // Does what is next: a replay, a segment, or the end.
  void Continue();

  // segment_replay.cc: outputs of a segment applied before: kept ones, or the
  // step once more, from its parent or, if that is not retained, the nearest
  // value before it.
  void VerifyStart();
  void OnStartVerified(absl::StatusOr<KeptReply> kept);
  void Replay();
  void OnKept(absl::StatusOr<KeptReply> kept);
  void Recompute();
  void RecomputeStep();
  void OnRecomputed(absl::StatusOr<StepOutcome> outcome);
  // Reads what is kept of a step; VERSION_CONFLICT, which names `field`, when
  // the session made that step of other tokens.
  void ReadKept(const RetainedStep& step, absl::string_view field, Kept next);
  absl::StatusOr<KeptReply> CheckKept(
      const RetainedStep& step, absl::string_view field,
      const absl::StatusOr<std::string>& bytes) const;
  // Whether the memory that a replayed step starts from is at hand.
  bool HasMemory(const RetainedStep& step) const;
  // In a stream whose replay goes on over messages: what leads from the newest
  // retained value to where the stream stands is taken from the cursor, as
  // replays answered before, and left there for the next message. (A message
  // that fails ends its stream, so it leaves none.)
  void TakeLead();
  void LeaveLead(uint64_t retained);

  // A new segment: memory, step, commit.
  void Apply();
  void Compute();
  void Step(StepTask task, Stepped next);
  void OnStepped(absl::StatusOr<StepOutcome> outcome);
  void CommitStep(SharedBytes saved);
  void OnCommitted(const absl::Status& status);
  // See NewStep; of the running segment.
  std::optional<uint64_t> MessageStart() const;

  // segment_share.cc: what another session made of the same tokens is committed
  // instead of a step; the outputs asked for are its kept ones.
  void Share();
  void OnLentReply(const absl::StatusOr<std::string>& bytes);
  void TakeValue();
  void CommitLent(SharedBytes saved);
  void ComputeInstead();
  // Others may take the committed step from this session.
  void Lend();
  PrefixKey SharedKey() const;

  // Reads a value for `task`, then steps.
  void ReadMemory(const Digest& digest, StepTask task, Stepped next);

  // Whether somebody still waits for more.
  absl::Status CheckAlive() const;
  void Observe(const AppliedSegment& segment) const;
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
  size_t recomputing_ = 0;  // at most next_replay_, whose outputs are wanted
  size_t next_segment_ = 0;
  RetainedStep applying_;            // the step that the running segment makes
  StepTask task_;                    // what computes it
  std::shared_ptr<Session> lender_;  // that it may be taken from
  TieredMemoryRef lent_memory_;      // that session's head, if it is there
  AppliedSegment computed_;          // of the running segment
  MemoryRef computed_memory_;
  SharedBytes computed_bytes_;  // of that
  SessionRecord computed_record_;
  absl::Duration stepped_;  // when its step was done
  SegmentReply reply_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SEGMENT_CALL_H_
