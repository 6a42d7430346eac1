// The part of Session that the call which runs uses: where the stream stands,
// what the session retains, and how both change.

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"
#include "server/session/lineage.h"
#include "server/session/retention.h"
#include "server/session/session.h"

namespace mneme {

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
  stream.session_id = key().session_id;
  stream.segment_size = model_->spec().segment_size;
  stream.step_flags =
      record_.policy == MemoryPolicy::kReset ? kStepFlagReset : 0;
  stream.retained.assign(record_.retained.begin(), record_.retained.end());
  stream.first_reply = record_.first_reply;
  if (tail_ != nullptr) stream.tail = *tail_;
  return stream;
}

Position Session::head() const {
  MutexLock lock(&mu_);
  return {Handle(record_.head()), TailSize()};
}

RetainedStep Session::AnswerDurable() {
  MutexLock lock(&mu_);
  return durable_.Answer(context_->writer->unsynced_since(),
                         context_->limits.retention.messages,
                         &record_.retained);
}

MemoryHandle Session::Handle(const RetainedStep& step) const {
  return {key().session_id, step.step, step.digest};
}

StepTask Session::MakeTask(const RetainedStep& parent,
                           std::vector<int32_t> tokens) const {
  StepTask task;
  task.model = model_;
  task.tokens = std::move(tokens);
  task.tenant = key().tenant;
  task.session = this;
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
  return {key().tenant, root(), digest};
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

Session::Change Session::MakeChange(Computed computed) {
  Change change;
  NewStep added{computed.step, computed.message_start,
                computed.kept_reply.size()};
  {
    MutexLock lock(&mu_);
    change.record = record_;
    if (durability_ == Durability::kAsync) {
      added.held = durable_.Needed(record_.head());
    }
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

Commit Session::MakeCommit(const SessionRecord& record) {
  Commit commit;
  commit.record = ToStored(key(), durability_, record);
  MutexLock lock(&mu_);
  commit.expected_head = record_.head().digest;
  NoteAsked();
  return commit;
}

Commit Session::MakeFirstCommit() {
  {
    MutexLock lock(&mu_);
    NoteAsked();
  }
  Commit commit;
  commit.sync = true;
  commit.record = ToStored(key(), durability_, record());
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
    fork->look_ = memory_ != nullptr ? 1 : 0;
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
  if (durability_ == Durability::kAsync) {
    durable_.Note(record_.head(), record.head(), acknowledged);
  }
  record_ = std::move(record);
  HoldSinceAsked();
  memory_.swap(memory);  // what was is let go of after the lock
  tail_ = nullptr;
}

void Session::Replace(SessionRecord record) {
  TieredMemoryRef before;  // let go after the lock
  MutexLock lock(&mu_);
  HoldSinceAsked();
  if (record.head() != record_.head()) {
    before = std::exchange(memory_, nullptr);
    tail_ = nullptr;
    durable_.RollBack(context_->limits.retention.messages, &record.retained);
  }
  record_ = std::move(record);
}

absl::Status Session::CheckHeld() {
  MutexLock lock(&mu_);
  if (IsHeld()) return absl::OkStatus();
  in_doubt_ = true;
  return MovedError("another server has the session");
}

void Session::Doubt() {
  MutexLock lock(&mu_);
  in_doubt_ = true;
}

absl::Status Session::Settle(
    const absl::StatusOr<Takeover::Acquired>& acquired) {
  RETURN_IF_ERROR(acquired.status());
  const absl::Duration now = clock_->Monotonic();
  const absl::Time wall = clock_->Wall();
  ASSIGN_OR_RETURN(SessionRecord record,
                   FromStored(acquired->reloaded.record, wall));
  TieredMemoryRef before;  // let go after the lock
  MutexLock lock(&mu_);
  in_doubt_ = false;
  Hold(acquired->asked);
  // Other servers may have used it, set other TTLs, and dropped the tail.
  if (is_shared()) life_ = LifeOf(record, now, wall);
  if (acquired->reloaded.record.ages.has_value()) {
    life_.last_used = now - acquired->reloaded.record.ages->used;
  }
  if (acquired->reloaded.moved) tail_ = nullptr;
  SettleDurable(acquired->reloaded.moved, now, &record);
  if (record.head() != record_.head()) {
    before = std::exchange(memory_, nullptr);
    tail_ = nullptr;
  }
  record_ = std::move(record);
  return absl::OkStatus();
}

void Session::SettleDurable(bool moved, absl::Duration now,
                            SessionRecord* record) {
  const int64_t messages = context_->limits.retention.messages;
  if (moved && durability_ == Durability::kAsync) {
    // What another server made of it is durable here, and what that one told
    // of is not known.
    durable_ = DurableHead();
    return DurableHead::HoldFound(messages, &record->retained);
  }
  DurableHead::CarryHeld(record_.retained, &record->retained);
  if (record->head() == record_.head()) return;
  if (record->head().step <= record_.head().step) {
    durable_.RollBack(messages, &record->retained);
  } else if (durability_ == Durability::kAsync) {
    durable_.Note(record_.head(), record->head(), now);
  }
}

void Session::SetTail(std::vector<int32_t> tail) {
  MutexLock lock(&mu_);
  tail_ = tail.empty()
              ? nullptr
              : std::make_unique<std::vector<int32_t>>(std::move(tail));
}

}  // namespace mneme
