// The part of SegmentCall that answers again what was applied before.

#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/session/segment_call.h"

namespace mneme {

void SegmentCall::TakeLead() {
  std::vector<ReplayedSegment> lead = std::exchange(cursor_->lead, {});
  if (request_.at.has_value()) return;  // the stream begins anew
  next_replay_ = lead.size();
  placement_.replays.insert(placement_.replays.begin(),
                            std::make_move_iterator(lead.begin()),
                            std::make_move_iterator(lead.end()));
}

void SegmentCall::LeaveLead(uint64_t retained) {
  for (ReplayedSegment& segment : placement_.replays) {
    if (segment.applied.step <= retained) continue;
    cursor_->lead.push_back(std::move(segment));
  }
}

void SegmentCall::VerifyStart() {
  ReadKept(*placement_.unverified, "at.handle", &SegmentCall::OnStartVerified);
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): as OnKept, a Kept.
void SegmentCall::OnStartVerified(absl::StatusOr<KeptReply> kept) {
  kept.ok() ? Continue() : Fail(kept.status());
}

void SegmentCall::Replay() {
  ReadKept(placement_.replays[next_replay_].applied, "tokens",
           &SegmentCall::OnKept);
}

void SegmentCall::ReadKept(const RetainedStep& step, absl::string_view field,
                           Kept next) {
  session_->context().writer->ReadReply(
      {session_->key(), step.step},
      [self = shared_from_this(), step, field,
       next](const absl::StatusOr<std::string>& bytes) {
        ((*self).*next)(self->CheckKept(step, field, bytes));
      });
}

absl::StatusOr<KeptReply> SegmentCall::CheckKept(
    const RetainedStep& step, absl::string_view field,
    const absl::StatusOr<std::string>& bytes) const {
  if (absl::IsNotFound(bytes.status())) {
    RETURN_IF_ERROR(session_->CheckHeld());
    return absl::DataLossError(absl::StrCat("the store has no reply of step ",
                                            step.step,
                                            ", which it should keep"));
  }
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<KeptReply> kept = DecodeKeptReply(*bytes);
  if (kept.ok() && kept->digest != step.digest) {
    return VersionConflict(
        session_->head(),
        absl::StrCat(field, ": step ", step.step, " was made of other tokens"));
  }
  return kept;
}

void SegmentCall::OnKept(absl::StatusOr<KeptReply> kept) {
  if (!kept.ok()) return Fail(kept.status());
  const ReplayedSegment& segment = placement_.replays[next_replay_];
  AppliedSegment& applied = reply_.segments.emplace_back();
  applied.handle = session_->Handle(segment.applied);
  applied.num_tokens = static_cast<uint32_t>(segment.tokens.size());
  applied.source = SegmentSource::kKept;
  if (!Answers(*kept, request_.outputs, request_.extra_inputs)) {
    return Recompute();
  }
  if (!request_.outputs.names.empty()) {
    applied.outputs = std::move(kept->outputs);
  }
  Observe(applied);
  ++next_replay_;
  Continue();
}

bool SegmentCall::HasMemory(const RetainedStep& step) const {
  return session_->IsRetained(step) || (cursor_->recomputed_memory != nullptr &&
                                        cursor_->recomputed == step.digest);
}

void SegmentCall::Recompute() {
  recomputing_ = next_replay_;
  while (!HasMemory(placement_.replays[recomputing_].parent)) {
    if (recomputing_ == 0) {
      return Fail(NotRetained(placement_.replays[0].parent.step,
                              session_->oldest_step()));
    }
    --recomputing_;
  }
  RecomputeStep();
}

void SegmentCall::RecomputeStep() {
  if (const absl::Status alive = CheckAlive(); !alive.ok()) return Fail(alive);
  const ReplayedSegment& segment = placement_.replays[recomputing_];
  StepTask task = session_->MakeTask(segment.parent, segment.tokens);
  task.save = false;
  if (recomputing_ ==
      next_replay_) {  // on the way there, no outputs are wanted
    task.outputs = request_.outputs;
    task.extra_inputs = request_.extra_inputs;
  }
  if (task.memory == nullptr && cursor_->recomputed == segment.parent.digest) {
    task.memory = cursor_->recomputed_memory;
  }
  if (task.memory != nullptr) {
    return Step(std::move(task), &SegmentCall::OnRecomputed);
  }
  ReadMemory(segment.parent.digest, std::move(task),
             &SegmentCall::OnRecomputed);
}

void SegmentCall::OnRecomputed(absl::StatusOr<StepOutcome> outcome) {
  if (!outcome.ok()) return Fail(outcome.status());
  cursor_->recomputed = placement_.replays[recomputing_].applied.digest;
  cursor_->recomputed_memory = std::move(outcome->result.memory);
  if (recomputing_ < next_replay_) {
    ++recomputing_;
    return RecomputeStep();
  }
  AppliedSegment& applied = reply_.segments.back();
  applied.source = SegmentSource::kRecomputed;
  applied.outputs = std::move(outcome->result.outputs);
  applied.timings.queue = outcome->queue;
  applied.timings.device = outcome->device;
  applied.batch_size = outcome->batch_size;
  Observe(applied);
  ++next_replay_;
  Continue();
}

}  // namespace mneme
