#include "server/session/session.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"
#include "server/session/lineage.h"

namespace mneme {
namespace {

absl::Status ClosingError() {
  return MakeError(absl::StatusCode::kFailedPrecondition, "CLOSING",
                   "the session is being closed");
}

}  // namespace

Session::Session(const SessionContext* context, SequenceModel* model,
                 SessionKey key, Durability durability, SessionRecord record,
                 absl::Status unusable)
    : context_(context),
      clock_(context->clock),
      model_(model),
      key_(std::move(key)),
      model_name_(record.model),
      durability_(durability),
      unusable_(std::move(unusable)),
      root_(record.root),
      trusted_(record.trusted),
      record_(std::move(record)),
      durable_(durability == Durability::kAsync
                   ? std::make_unique<DurableHead>(
                         record_.retained, context->limits.retention.messages)
                   : nullptr),
      life_(LifeOf(record_, context_->clock->Monotonic(),
                   context_->clock->Wall())) {}

SessionInfo Session::Info() const {
  MutexLock lock(&mu_);
  SessionInfo info;
  info.key = key_;
  info.model = model_name_;
  info.fingerprint = record_.fingerprint;
  info.policy = record_.policy;
  info.durability = durability_;
  for (const RetainedStep& step : record_.retained) {
    info.retained.push_back(Handle(step));
    if (std::count(record_.pinned.begin(), record_.pinned.end(), step.step)) {
      info.pinned.push_back(Handle(step));
    }
  }
  info.head = {info.retained.back(), tail_.size()};
  info.durable = info.retained.back();
  if (durable_ != nullptr) {
    info.durable = Handle(durable_->Newest(context_->writer->unsynced_since()));
  }
  info.memory_bytes = model_ == nullptr ? 0 : model_->spec().memory_bytes();
  info.created = record_.created;
  info.last_used = record_.last_used;
  info.ttl = record_.ttl;
  const absl::Duration left =
      ::mneme::EndOfLife(record_.ttl, life_).at - context_->clock->Monotonic();
  info.expires = context_->clock->Wall() + left;
  return info;
}

bool Session::is_open() const {
  MutexLock lock(&mu_);
  return state_ != State::kOpening;
}

bool Session::is_closing() const {
  MutexLock lock(&mu_);
  return state_ == State::kClosing;
}

absl::Status Session::CheckWanted(const Cursor& cursor) const {
  {
    MutexLock lock(&mu_);
    if (state_ == State::kClosing) return ClosingError();
  }
  if (!cursor.cancelled.load()) return absl::OkStatus();
  return absl::CancelledError("cancelled before it started");
}

LifeEnd Session::EndOfLife() const {
  MutexLock lock(&mu_);
  return EndOfLifeLocked();
}

LifeEnd Session::EndOfLifeLocked() const {
  SessionLife life = life_;
  if (running_ || pumping_) life.last_used = context_->clock->Monotonic();
  return ::mneme::EndOfLife(record_.ttl, life);
}

void Session::MarkOpen() {
  MutexLock lock(&mu_);
  if (state_ == State::kOpening) state_ = State::kOpen;
}

absl::Status Session::Enqueue(std::shared_ptr<SessionCall> call) {
  {
    MutexLock lock(&mu_);
    if (state_ == State::kClosing) return ClosingError();
    const bool busy = running_ || pumping_;
    if (busy) RETURN_IF_ERROR(CheckRoom());
    life_.last_used = context_->clock->Monotonic();
    waiting_.push_back(std::move(call));
    if (busy) return absl::OkStatus();
    pumping_ = true;
  }
  Pump();
  return absl::OkStatus();
}

absl::Status Session::CheckRoom() const {
  const int64_t limit = context_->limits.queue_per_session;
  if (static_cast<int64_t>(waiting_.size()) < limit) return absl::OkStatus();
  ErrorInfo info;
  info.reason = "QUEUE_FULL";
  info.retry_after = absl::Milliseconds(100);
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("the session's queue is full: ", limit, " messages wait"),
      info);
}

void Session::Close(Stopped stopped) {
  absl::StatusOr<std::deque<std::shared_ptr<SessionCall>>> refused;
  {
    MutexLock lock(&mu_);
    refused = BeginClose(&stopped);
  }
  if (refused.ok()) {
    for (const auto& call : *refused) call->Refuse(ClosingError());
  }
  if (stopped != nullptr) std::move(stopped)(refused.status());
}

LifeEnd Session::CloseIfEnded(absl::Duration now, Stopped stopped) {
  absl::StatusOr<std::deque<std::shared_ptr<SessionCall>>> refused;
  LifeEnd end;
  {
    MutexLock lock(&mu_);
    end = EndOfLifeLocked();
    if (end.at > now) return end;
    refused = BeginClose(&stopped);
  }
  if (refused.ok()) {
    for (const auto& call : *refused) call->Refuse(ClosingError());
  }
  if (stopped != nullptr) std::move(stopped)(refused.status());
  return end;
}

absl::StatusOr<std::deque<std::shared_ptr<SessionCall>>> Session::BeginClose(
    Stopped* stopped) {
  if (state_ == State::kClosing) return ClosingError();
  state_ = State::kClosing;
  if (running_ || pumping_) stopped_ = std::exchange(*stopped, nullptr);
  return std::exchange(waiting_, {});
}

void Session::Reopen() {
  MutexLock lock(&mu_);
  if (state_ == State::kClosing) state_ = State::kOpen;
}

absl::StatusOr<Placement> Session::PlaceRequest(
    const Cursor& cursor, const SegmentRequest& request) const {
  StreamState stream;
  {
    MutexLock lock(&mu_);
    stream = ViewStream();
  }
  return Place(stream, cursor, request);
}

StreamState Session::ViewStream() const {
  StreamState stream;
  stream.session_id = key_.session_id;
  stream.segment_size = model_->spec().segment_size;
  stream.step_flags =
      record_.policy == MemoryPolicy::kReset ? kStepFlagReset : 0;
  stream.retained = record_.retained;
  stream.first_reply = record_.first_reply;
  stream.tail = tail_;
  return stream;
}

Position Session::head() const {
  MutexLock lock(&mu_);
  return {Handle(record_.head()), tail_.size()};
}

RetainedStep Session::AnswerDurable() {
  MutexLock lock(&mu_);
  if (durable_ == nullptr) return record_.head();
  return durable_->Answer(context_->writer->unsynced_since());
}

MemoryHandle Session::Handle(const RetainedStep& step) const {
  return {key_.session_id, step.step, step.digest};
}

StepTask Session::MakeTask(const RetainedStep& parent,
                           std::vector<int32_t> tokens) const {
  StepTask task;
  task.model = model_;
  task.tokens = std::move(tokens);
  task.fresh = parent.step == 0;
  if (parent.step == 0) task.memory = model_->InitialMemory();
  MutexLock lock(&mu_);
  task.reset_memory = record_.policy == MemoryPolicy::kReset;
  return task;
}

MemoryTiers::AtHand Session::UseHeadMemory() {
  TieredMemoryRef memory;
  {
    MutexLock lock(&mu_);
    memory = memory_;
  }
  if (memory == nullptr) {
    memory =
        context_->tiers->Add(nullptr, nullptr, model_->spec().memory_bytes());
    MutexLock lock(&mu_);
    memory_ = memory;
  }
  return context_->tiers->Use(memory);
}

TieredMemoryRef Session::MemoryOf(const RetainedStep& step) const {
  MutexLock lock(&mu_);
  return record_.head() == step ? memory_ : nullptr;
}

SessionRecord Session::record() const {
  MutexLock lock(&mu_);
  return record_;
}

ValueKey Session::KeyOf(const Digest& digest) const {
  return {key_.tenant, root_, digest};
}

bool Session::IsRetained(const RetainedStep& step) const {
  MutexLock lock(&mu_);
  const RetainedStep* known = FindStep(record_.retained, step.step);
  return known != nullptr && *known == step;
}

absl::StatusOr<RetainedStep> Session::FindRetained(
    const MemoryHandle& handle, absl::string_view field) const {
  const Position at = head();
  if (handle.step > at.handle.step) {
    return VersionConflict(
        at, absl::StrCat(field, ": the session has not come so far"));
  }
  MutexLock lock(&mu_);
  const RetainedStep* known = FindStep(record_.retained, handle.step);
  if (known != nullptr && known->digest == handle.digest) return *known;
  if (known != nullptr) {
    return VersionConflict(
        at, absl::StrCat(field, ": the session took other tokens"));
  }
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_RETAINED",
                   absl::StrCat(field, ": the value of step ", handle.step,
                                " is not retained; Sessions.Get lists those "
                                "that are"));
}

RetainedStep Session::NewestRetained(uint64_t step) const {
  MutexLock lock(&mu_);
  return NewestUpTo(record_.retained, step);
}

uint64_t Session::oldest_step() const {
  MutexLock lock(&mu_);
  return record_.first_reply - 1;
}

int64_t Session::KeptRoom() const {
  MutexLock lock(&mu_);
  const int64_t left = context_->limits.kept_session_bytes -
                       static_cast<int64_t>(KeptBytes(record_));
  return std::clamp<int64_t>(left, 0, context_->limits.kept_reply_bytes);
}

Session::Change Session::MakeChange(Computed computed) const {
  Change change;
  NewStep added{computed.step, computed.message_start,
                computed.kept_reply.size()};
  {
    MutexLock lock(&mu_);
    change.record = record_;
    if (durable_ != nullptr) added.held = durable_->Held();
  }
  AddStep(added, context_->limits.retention, &change.record);
  Stamp(&change.record);
  change.commit = MakeCommit(change.record);
  change.commit.values.push_back(
      {computed.step.digest, std::move(computed.saved_memory)});
  change.commit.replies.push_back(
      {computed.step.step, std::move(computed.kept_reply)});
  return change;
}

void Session::Stamp(SessionRecord* record) const {
  MutexLock lock(&mu_);
  const StoredTtl stored =
      StoreTtl(record->ttl, life_, context_->clock->Monotonic(),
               context_->clock->Wall());
  record->last_used = stored.written;
  record->max_age_left = stored.max_age_left;
}

Commit Session::MakeCommit(const SessionRecord& record) const {
  Commit commit;
  commit.expected_head = head().handle.digest;
  commit.record = ToStored(key_, durability_, record);
  return commit;
}

Commit Session::MakeFirstCommit() const {
  Commit commit;
  commit.sync = true;
  commit.record = ToStored(key_, durability_, record());
  return commit;
}

std::shared_ptr<Session> Session::MakeFork(uint64_t step, SessionKey key) {
  SessionRecord fork_record = ForkAt(step, record());
  if (step == 0) fork_record.root = NewRoot();  // it shares no value
  fork_record.created = context_->clock->Wall();
  fork_record.last_used = fork_record.created;
  fork_record.max_age_left = fork_record.ttl.max_age;
  auto fork =
      std::make_shared<Session>(context_, model_, std::move(key), durability_,
                                std::move(fork_record), absl::OkStatus());
  MutexLock lock(&mu_);
  if (record_.head().step == step) {
    MutexLock fork_lock(&fork->mu_);
    fork->memory_ = memory_;
  }
  return fork;
}

void Session::Advance(SessionRecord record, MemoryRef memory,
                      SharedBytes saved) {
  TieredMemoryRef before;
  {
    MutexLock lock(&mu_);
    before = std::exchange(memory_, nullptr);
  }
  Advance(
      std::move(record),
      context_->tiers->Add(std::move(memory), std::move(saved),
                           model_->spec().memory_bytes(), std::move(before)));
}

void Session::Advance(SessionRecord record, TieredMemoryRef memory) {
  const absl::Duration acknowledged = context_->clock->Monotonic();
  MutexLock lock(&mu_);
  record_ = std::move(record);
  if (durable_ != nullptr) durable_->Note(record_.head(), acknowledged);
  memory_.swap(memory);  // what was is let go of after the lock
  tail_.clear();
}

void Session::Replace(SessionRecord record) {
  TieredMemoryRef before;  // let go after the lock
  MutexLock lock(&mu_);
  if (record.head() != record_.head()) {
    before = std::exchange(memory_, nullptr);
    tail_.clear();
    if (durable_ != nullptr) durable_->RollBack(record.head());
  }
  record_ = std::move(record);
}

void Session::SetTail(std::vector<int32_t> tail) {
  MutexLock lock(&mu_);
  tail_ = std::move(tail);
}

void Session::RunNext() {
  {
    MutexLock lock(&mu_);
    running_ = false;
    life_.last_used = clock_->Monotonic();
    if (pumping_) return;
    pumping_ = true;
  }
  Pump();
}

void Session::Pump() {
  // A call holds its session, so the last one is let go after TakeNext: then
  // nobody else may hold this any more.
  std::shared_ptr<SessionCall> call;
  while ((call = TakeNext()) != nullptr) call->Start();
}

std::shared_ptr<SessionCall> Session::TakeNext() {
  Stopped stopped;
  {
    MutexLock lock(&mu_);
    if (!running_ && !waiting_.empty()) {
      running_ = true;
      std::shared_ptr<SessionCall> next = std::move(waiting_.front());
      waiting_.pop_front();
      return next;
    }
    pumping_ = false;
    if (!running_) stopped = std::exchange(stopped_, nullptr);
  }
  if (stopped != nullptr) std::move(stopped)(absl::OkStatus());
  return nullptr;
}

}  // namespace mneme
