#include "server/session/segment_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/session/kept_reply.h"
#include "server/session/lineage.h"

namespace mneme {

SegmentCall::SegmentCall(std::shared_ptr<Session> session, CursorRef cursor,
                         SegmentRequest request, SegmentDone done)
    : session_(std::move(session)),
      cursor_(std::move(cursor)),
      request_(std::move(request)),
      done_(std::move(done)),
      received_(session_->context().clock->Monotonic()) {}

void SegmentCall::Refuse(const absl::Status& status) { Answer(status); }

void SegmentCall::Start() {
  if (const absl::Status alive = CheckAlive(); !alive.ok()) return Fail(alive);
  absl::StatusOr<Placement> placement =
      session_->PlaceRequest(*cursor_, request_);
  if (!placement.ok()) return Fail(placement.status());
  placement_ = *std::move(placement);
  Continue();
}

void SegmentCall::Continue() {
  if (next_replay_ < placement_.replays.size()) return Replay();
  if (next_segment_ < placement_.segments.size()) return Apply();
  Finish();
}

void SegmentCall::Replay() {
  const ReplayedSegment& segment = placement_.replays[next_replay_];
  session_->context().writer->Read(
      {session_->key(), ReplyName(segment.applied.step)},
      [self = shared_from_this()](absl::StatusOr<std::string> bytes) {
        self->OnKept(std::move(bytes));
      });
}

void SegmentCall::OnKept(absl::StatusOr<std::string> bytes) {
  const ReplayedSegment& segment = placement_.replays[next_replay_];
  if (absl::IsNotFound(bytes.status())) {
    return Fail(absl::DataLossError(
        absl::StrCat("the store has no reply of step ", segment.applied.step,
                     ", which it should keep")));
  }
  if (!bytes.ok()) return Fail(bytes.status());
  absl::StatusOr<KeptReply> kept = DecodeKeptReply(*bytes);
  if (!kept.ok()) return Fail(kept.status());
  if (kept->digest != segment.applied.digest) {
    return Fail(VersionConflict(
        session_->head(), absl::StrCat("tokens: step ", segment.applied.step,
                                       " was made of other tokens")));
  }
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
  const ReplayedSegment& segment = placement_.replays[recomputing_];
  StepTask task = session_->MakeTask(segment.parent, segment.tokens);
  task.save = false;
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
  ++next_replay_;
  Continue();
}

void SegmentCall::Apply() {
  if (const absl::Status alive = CheckAlive(); !alive.ok()) return Fail(alive);
  std::vector<int32_t>& tokens = placement_.segments[next_segment_];
  const MemoryHandle head = session_->head().handle;
  const RetainedStep parent = {head.step, head.digest};
  StepTask task = session_->MakeTask(parent, std::move(tokens));
  applying_.step = parent.step + 1;
  applying_.digest = NextDigest(parent.digest, task.tokens,
                                task.reset_memory ? kStepFlagReset : 0);
  computed_ = AppliedSegment();
  computed_.num_tokens = static_cast<uint32_t>(task.tokens.size());
  task.memory = session_->head_memory();
  if (task.memory != nullptr) {
    return Step(std::move(task), &SegmentCall::OnStepped);
  }
  ReadMemory(parent.digest, std::move(task), &SegmentCall::OnStepped);
}

void SegmentCall::ReadMemory(
    const Digest& digest, StepTask task,
    void (SegmentCall::*next)(absl::StatusOr<StepOutcome>)) {
  session_->context().writer->Read(
      {session_->key(), ValueName(digest)},
      [self = shared_from_this(), task = std::move(task),
       next](absl::StatusOr<std::string> bytes) mutable {
        if (absl::IsNotFound(bytes.status())) {
          return self->Fail(absl::DataLossError(
              "the store has no value for a handle that it retains"));
        }
        if (!bytes.ok()) return self->Fail(bytes.status());
        task.saved_memory = *std::move(bytes);
        self->Step(std::move(task), next);
      });
}

void SegmentCall::Step(StepTask task,
                       void (SegmentCall::*next)(absl::StatusOr<StepOutcome>)) {
  task.outputs = request_.outputs;
  task.extra_inputs = request_.extra_inputs;
  task.deadline = request_.deadline;
  task.cancelled = [cursor = cursor_] { return cursor->cancelled.load(); };
  task.done = [self = shared_from_this(),
               next](absl::StatusOr<StepOutcome> outcome) {
    ((*self).*next)(std::move(outcome));
  };
  session_->context().scheduler->Submit(std::move(task));
}

void SegmentCall::OnStepped(absl::StatusOr<StepOutcome> outcome) {
  if (!outcome.ok()) return Fail(outcome.status());
  stepped_ = session_->context().clock->Monotonic();
  computed_.handle = session_->Handle(applying_);
  computed_.timings.queue = outcome->queue;
  computed_.timings.device = outcome->device;
  computed_.batch_size = outcome->batch_size;
  computed_memory_ = std::move(outcome->result.memory);
  Session::Computed computed;
  computed.step = applying_;
  computed.message_start = MessageStart();
  computed.saved_memory = std::move(outcome->saved_memory);
  KeptReply kept{applying_.digest, /*complete=*/true, request_.outputs,
                 request_.extra_inputs, std::move(outcome->result.outputs)};
  computed.kept_reply =
      EncodeKeptReply(kept, session_->context().limits.kept_reply_bytes);
  computed_.outputs = std::move(kept.outputs);
  session_->context().writer->Submit(
      session_->MakeCommit(std::move(computed)),
      [self = shared_from_this()](const absl::Status& status) {
        self->OnCommitted(status);
      });
}

std::optional<uint64_t> SegmentCall::MessageStart() const {
  if (next_segment_ > 0) return std::nullopt;
  return placement_.replays.empty() ? applying_.step - 1
                                    : placement_.replays[0].parent.step;
}

void SegmentCall::OnCommitted(const absl::Status& status) {
  if (!status.ok()) return Fail(status);
  computed_.timings.commit = session_->context().clock->Monotonic() - stepped_;
  session_->Advance(applying_, MessageStart(), std::move(computed_memory_));
  reply_.segments.push_back(std::move(computed_));
  ++next_segment_;
  Continue();
}

absl::Status SegmentCall::CheckAlive() const {
  if (session_->closing()) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "CLOSING",
                     "the session is being closed");
  }
  if (cursor_->cancelled.load()) {
    return absl::CancelledError("cancelled before it started");
  }
  if (request_.deadline <= session_->context().clock->Monotonic()) {
    return absl::DeadlineExceededError(
        "the deadline passed before it started; retry with the same `at`");
  }
  return absl::OkStatus();
}

void SegmentCall::Finish() {
  if (placement_.reaches_head) {
    session_->SetTail(std::move(placement_.tail));
    reply_.head = session_->head();
    reply_.next = {reply_.head.handle, placement_.next_tail};
    cursor_->recomputed_memory = nullptr;
  } else {
    reply_.head = session_->head();
    reply_.next = {session_->Handle(placement_.behind), 0};
  }
  reply_.durable = reply_.head.handle;
  if (request_.at.has_value() || !cursor_->started) {
    cursor_->blind = !request_.at.has_value();
  }
  cursor_->started = true;
  cursor_->next = reply_.next;
  cursor_->pending = std::move(placement_.pending);
  Answer(std::move(reply_));
  session_->RunNext();
}

void SegmentCall::Fail(const absl::Status& status) {
  Answer(status);
  session_->RunNext();
}

void SegmentCall::Answer(absl::StatusOr<SegmentReply> reply) {
  const SessionContext& context = session_->context();
  if (reply.ok()) {
    for (const AppliedSegment& segment : reply->segments) {
      context.observer->OnSegment(session_->model()->spec().name, segment);
    }
  }
  context.observer->OnRequest(reply.status(),
                              context.clock->Monotonic() - received_);
  std::move(done_)(std::move(reply));
}

}  // namespace mneme
