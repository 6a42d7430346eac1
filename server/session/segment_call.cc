#include "server/session/segment_call.h"

#include <utility>

#include "server/base/kill_point.h"
#include "server/base/status_macros.h"
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
  TakeLead();
  if (placement_.unverified.has_value()) return VerifyStart();
  Continue();
}

void SegmentCall::Continue() {
  const bool replays = next_replay_ < placement_.replays.size();
  if (!replays && next_segment_ == placement_.segments.size()) return Finish();
  if (const absl::Status alive = CheckAlive(); !alive.ok()) return Fail(alive);
  replays ? Replay() : Apply();
}

void SegmentCall::Apply() {
  std::vector<int32_t>& tokens = placement_.segments[next_segment_];
  const MemoryHandle head = session_->head().handle;
  const RetainedStep parent = {head.step, head.digest};
  StepTask task = session_->MakeTask(parent, std::move(tokens));
  applying_.step = parent.step + 1;
  applying_.digest = NextDigest(parent.digest, task.tokens,
                                task.reset_memory ? kStepFlagReset : 0);
  task.outputs = request_.outputs;
  task.extra_inputs = request_.extra_inputs;
  computed_ = AppliedSegment();
  computed_.num_tokens = static_cast<uint32_t>(task.tokens.size());
  task_ = std::move(task);
  Share();
}

void SegmentCall::Compute() {
  StepTask task = std::move(task_);
  if (task.memory == nullptr) {
    MemoryTiers::AtHand at_hand = session_->UseHeadMemory();
    task.memory = std::move(at_hand.live);
    task.saved_memory = std::move(at_hand.saved);
  }
  if (task.memory != nullptr || task.saved_memory != nullptr) {
    return Step(std::move(task), &SegmentCall::OnStepped);
  }
  ReadMemory(session_->head().handle.digest, std::move(task),
             &SegmentCall::OnStepped);
}

void SegmentCall::ReadMemory(const Digest& digest, StepTask task,
                             Stepped next) {
  session_->context().writer->ReadValue(
      session_->KeyOf(digest),
      [self = shared_from_this(), task = std::move(task),
       next](absl::StatusOr<std::string> bytes) mutable {
        if (absl::IsNotFound(bytes.status())) {
          if (const absl::Status held = self->session_->CheckHeld();
              !held.ok()) {
            return self->Fail(held);
          }
          return self->Fail(absl::DataLossError(
              "the store has no value for a handle that it retains"));
        }
        if (!bytes.ok()) return self->Fail(bytes.status());
        task.saved_memory =
            std::make_shared<const std::string>(*std::move(bytes));
        self->Step(std::move(task), next);
      });
}

void SegmentCall::Step(StepTask task, Stepped next) {
  task.priority = request_.priority;
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
  KillPoint("after_step");
  computed_.timings.queue = outcome->queue;
  computed_.timings.device = outcome->device;
  computed_.batch_size = outcome->batch_size;
  computed_.outputs = std::move(outcome->result.outputs);
  computed_memory_ = std::move(outcome->result.memory);
  CommitStep(std::move(outcome->saved_memory));
}

void SegmentCall::CommitStep(SharedBytes saved) {
  stepped_ = session_->context().clock->Monotonic();
  computed_.handle = session_->Handle(applying_);
  Session::Computed computed;
  computed.step = applying_;
  computed.message_start = MessageStart();
  computed_bytes_ = std::move(saved);
  computed.saved_memory = computed_bytes_;
  KeptReply kept{applying_.digest, /*complete=*/true, request_.outputs,
                 request_.extra_inputs, std::move(computed_.outputs)};
  computed.kept_reply = EncodeKeptReply(kept, session_->KeptRoom());
  computed_.outputs = std::move(kept.outputs);
  Session::Change change = session_->MakeChange(std::move(computed));
  computed_record_ = std::move(change.record);
  session_->context().writer->Submit(
      std::move(change.commit),
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
  if (!status.ok()) session_->Doubt();
  if (absl::IsAborted(status)) {
    return Fail(VersionConflict(session_->head(), status.message()));
  }
  if (!status.ok()) return Fail(status);
  computed_.timings.commit = session_->context().clock->Monotonic() - stepped_;
  if (lent_memory_ != nullptr) {
    session_->Advance(std::move(computed_record_), std::move(lent_memory_));
  } else {
    session_->Advance(std::move(computed_record_), std::move(computed_memory_),
                      std::move(computed_bytes_));
  }
  Lend();
  Observe(computed_);
  reply_.segments.push_back(std::move(computed_));
  ++next_segment_;
  Continue();
}

absl::Status SegmentCall::CheckAlive() const {
  RETURN_IF_ERROR(session_->CheckWanted(*cursor_));
  if (request_.deadline <= session_->context().clock->Monotonic()) {
    return absl::DeadlineExceededError(
        "the deadline passed before it started; retry with the same `at`");
  }
  return absl::OkStatus();
}

void SegmentCall::Observe(const AppliedSegment& segment) const {
  session_->context().observer->OnSegment(session_->model_name(), segment);
}

void SegmentCall::Finish() {
  if (placement_.reaches_head) {
    session_->SetTail(std::move(placement_.tail));
    reply_.head = session_->head();
    reply_.next = {reply_.head.handle, placement_.next_tail};
    reply_.durable = session_->Handle(session_->AnswerDurable());
    cursor_->recomputed_memory = nullptr;
  } else {
    // Between here and the head are places without a value, from which a step
    // whose reply is not kept could not be computed once more.
    const RetainedStep retained =
        session_->NewestRetained(placement_.behind.step);
    reply_.head = session_->head();
    reply_.next = {session_->Handle(placement_.behind), 0};
    const RetainedStep durable = session_->AnswerDurable();
    reply_.durable =
        session_->Handle(durable.step < retained.step ? durable : retained);
    LeaveLead(retained.step);
  }
  if (request_.at.has_value() || !cursor_->started) {
    cursor_->blind = !request_.at.has_value();
  }
  cursor_->started = true;
  cursor_->next = reply_.next;
  cursor_->pending = std::move(placement_.pending);
  KillPoint("before_reply");
  Answer(std::move(reply_));
  session_->RunNext();
}

void SegmentCall::Fail(const absl::Status& status) {
  Answer(status);
  session_->RunNext();
}

void SegmentCall::Answer(absl::StatusOr<SegmentReply> reply) {
  const SessionContext& context = session_->context();
  context.observer->OnRequest(reply.status(),
                              context.clock->Monotonic() - received_);
  std::move(done_)(std::move(reply));
}

}  // namespace mneme
