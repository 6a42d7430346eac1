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

// What is at hand may stay so for long; then it is looked at each ten minutes.
constexpr uint8_t kMostLooks = 7;

// Waits its turn, and so for the session to be held.
class HoldCall : public SessionCall {
 public:
  HoldCall(std::shared_ptr<Session> session, Session::Reacquired done)
      : session_(std::move(session)), done_(std::move(done)) {}

  void Start() override {
    std::move(done_)(absl::OkStatus());
    session_->RunNext();
  }
  void Refuse(const absl::Status& status) override { std::move(done_)(status); }

 private:
  const std::shared_ptr<Session> session_;
  Session::Reacquired done_;
};

}  // namespace

Session::Session(const SessionContext* context, SequenceModel* model,
                 SessionKey key, Durability durability, SessionRecord record,
                 absl::Status unusable)
    : Expirable(std::move(key)),
      context_(context),
      clock_(context->clock),
      model_(model),
      unusable_(std::move(unusable)),
      record_(std::move(record)),
      life_(LifeOf(record_, context_->clock->Monotonic(),
                   context_->clock->Wall())),
      durability_(durability),
      trusted_(record_.trusted) {
  if (durability_ == Durability::kAsync) {
    DurableHead::HoldFound(context_->limits.retention.messages,
                           &record_.retained);
  }
}

SessionInfo Session::Info() const {
  MutexLock lock(&mu_);
  SessionInfo info;
  info.key = key();
  info.model = record_.model->name;
  info.fingerprint = record_.model->fingerprint;
  info.policy = record_.policy;
  info.durability = durability_;
  for (const RetainedValue& step : record_.retained) {
    info.retained.push_back(Handle(step));
    if (step.pinned) info.pinned.push_back(Handle(step));
  }
  info.head = {info.retained.back(), TailSize()};
  info.durable = Handle(
      durable_.Newest(context_->writer->unsynced_since(), record_.head()));
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

Root Session::root() const {
  MutexLock lock(&mu_);
  return record_.root;
}

const std::string& Session::model_name() const {
  MutexLock lock(&mu_);
  return record_.model->name;
}

bool Session::is_held() const {
  MutexLock lock(&mu_);
  return IsHeld();
}

bool Session::has_its_id() const {
  MutexLock lock(&mu_);
  return state_ != State::kClosing && IsHeld();
}

bool Session::IsHeld() const {
  return !in_doubt_ && clock_->Monotonic() < held_until_;
}

void Session::Hold(absl::Duration since) { held_until_ = since + lease(); }

void Session::NoteAsked() { asked_ = clock_->Monotonic(); }

void Session::HoldSinceAsked() { Hold(asked_); }

absl::Status Session::CheckWanted(const Cursor& cursor) const {
  {
    MutexLock lock(&mu_);
    if (state_ == State::kClosing) return ClosingError();
    if (in_doubt_) return MovedError("another server asked for the session");
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
  HoldSinceAsked();
}

absl::Status Session::Enqueue(std::shared_ptr<SessionCall> call) {
  {
    MutexLock lock(&mu_);
    if (state_ == State::kClosing) return ClosingError();
    if (state_ == State::kRetired)
      return MovedError("the session is not here any more");
    const bool busy = running_ || pumping_;
    if (busy) RETURN_IF_ERROR(CheckRoom());
    life_.last_used = context_->clock->Monotonic();
    if (waiting_ == nullptr) waiting_ = std::make_unique<Waiting>();
    waiting_->calls.push_back(std::move(call));
    if (busy) return absl::OkStatus();
    pumping_ = true;
  }
  Pump();
  return absl::OkStatus();
}

absl::Status Session::CheckRoom() const {
  const int64_t limit = context_->limits.queue_per_session;
  const size_t waiting = waiting_ == nullptr ? 0 : waiting_->calls.size();
  if (static_cast<int64_t>(waiting) < limit) return absl::OkStatus();
  ErrorInfo info;
  info.reason = "QUEUE_FULL";
  info.retry_after = absl::Milliseconds(100);
  return MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("the session's queue is full: ", limit, " messages wait"),
      info);
}

void Session::Close(Stopped stopped) {
  absl::StatusOr<std::list<std::shared_ptr<SessionCall>>> refused;
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
  absl::StatusOr<std::list<std::shared_ptr<SessionCall>>> refused;
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

bool Session::CloseIfUnusedSince(absl::Duration before, Stopped stopped) {
  {
    MutexLock lock(&mu_);
    if (!LastUseLocked({before, before}).has_value()) return false;
    state_ = State::kClosing;  // nothing waits, since nothing runs
  }
  std::move(stopped)(absl::OkStatus());
  return true;
}

std::optional<absl::Duration> Session::LastUse(
    const UnusedSince& unused) const {
  MutexLock lock(&mu_);
  return LastUseLocked(unused);
}

std::optional<absl::Duration> Session::LastUseLocked(
    const UnusedSince& unused) const {
  if (state_ != State::kOpen || running_ || pumping_) return std::nullopt;
  const absl::Duration last_use = life_.last_used;
  const bool used =
      last_use > (tail_ == nullptr ? unused.before : unused.tail_before);
  return used ? std::nullopt : std::optional(last_use);
}

absl::StatusOr<std::list<std::shared_ptr<SessionCall>>> Session::BeginClose(
    Stopped* stopped) {
  if (state_ == State::kClosing) return ClosingError();
  if (state_ == State::kRetired)
    return MovedError("the session is not here any more");
  state_ = State::kClosing;
  const std::unique_ptr<Waiting> waiting = std::exchange(waiting_, nullptr);
  if (running_ || pumping_) {
    waiting_ = std::make_unique<Waiting>();
    waiting_->stopped = std::exchange(*stopped, nullptr);
  }
  if (waiting == nullptr) return std::list<std::shared_ptr<SessionCall>>();
  return std::move(waiting->calls);
}

void Session::Reopen() {
  MutexLock lock(&mu_);
  if (state_ == State::kClosing) state_ = State::kOpen;
}

bool Session::RetireIf(const UnusedSince& unused) {
  MutexLock lock(&mu_);
  if (!LastUseLocked(unused).has_value()) return false;
  state_ = State::kRetired;
  return true;
}

bool Session::BeginLook() {
  MutexLock lock(&mu_);
  return std::exchange(look_, 1) != 1;
}

absl::Duration Session::LookIn() const {
  MutexLock lock(&mu_);
  if (look_ == 0) return absl::InfiniteDuration();
  return context_->limits.let_go_after * (1 << (look_ - 1));
}

void Session::LetGoUnused() {
  TieredMemoryRef memory;  // let go after the lock
  {
    MutexLock lock(&mu_);
    memory = memory_;
  }
  const bool at_hand = memory != nullptr && context_->tiers->IsAtHand(memory);
  MutexLock lock(&mu_);
  look_ = std::min<uint8_t>(look_ + 1, kMostLooks);
  if (running_ || pumping_) return;
  if (memory_ == memory && !at_hand) memory_ = nullptr;
  durable_.MoveOn(context_->writer->unsynced_since(),
                  context_->limits.retention.messages, &record_.retained);
  if (memory_ == nullptr && durable_.is_head()) look_ = 0;
}

void Session::SetUnused(absl::Duration unused) {
  MutexLock lock(&mu_);
  life_.last_used = clock_->Monotonic() - unused;
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
  while ((call = TakeNext()) != nullptr) StartCall(call);
}

void Session::StartCall(const std::shared_ptr<SessionCall>& call) {
  if (is_held()) return call->Start();
  // The call keeps the session.
  context_->takeover->Acquire(
      *this, MemoryStore::IfHeld::kAsk,
      [this, call](const absl::StatusOr<Takeover::Acquired>& acquired) {
        const absl::Status status = Settle(acquired);
        if (!status.ok()) return RefuseAll(call, status);
        {
          MutexLock lock(&mu_);
          life_.last_used = clock_->Monotonic();
        }
        call->Start();
      });
}

void Session::RefuseAll(const std::shared_ptr<SessionCall>& call,
                        const absl::Status& status) {
  std::list<std::shared_ptr<SessionCall>> waiting;
  {
    MutexLock lock(&mu_);
    if (waiting_ != nullptr) waiting.swap(waiting_->calls);
  }
  call->Refuse(status);
  for (const auto& other : waiting) other->Refuse(status);
  RunNext();
}

void Session::Reacquire(const std::shared_ptr<Session>& session,
                        MemoryStore::IfHeld if_held, Reacquired done) {
  bool held;
  bool busy;
  {
    MutexLock lock(&session->mu_);
    held = session->IsHeld();
    busy = session->running_ || session->pumping_;
    if (session->state_ == State::kRetired) busy = true;  // Enqueue says so
    if (!held && !busy) session->running_ = true;
  }
  if (held) return std::move(done)(absl::OkStatus());
  if (!busy) {
    // The session lives as long as its call would have it live.
    return session->ReacquireIdle(
        if_held,
        [session, done = std::move(done)](const absl::Status& status) mutable {
          std::move(done)(status);
        });
  }
  const auto call = std::make_shared<HoldCall>(session, std::move(done));
  const absl::Status queued = session->Enqueue(call);
  if (!queued.ok()) call->Refuse(queued);
}

void Session::ReacquireIdle(MemoryStore::IfHeld if_held, Reacquired done) {
  context_->takeover->Acquire(
      *this, if_held,
      [this, done = std::move(done)](
          const absl::StatusOr<Takeover::Acquired>& acquired) mutable {
        const absl::Status status = Settle(acquired);
        {
          MutexLock lock(&mu_);
          running_ = false;
          pumping_ = true;
        }
        Pump();
        std::move(done)(status);
      });
}

std::shared_ptr<SessionCall> Session::TakeNext() {
  Stopped stopped;
  {
    MutexLock lock(&mu_);
    if (!running_ && waiting_ != nullptr && !waiting_->calls.empty()) {
      running_ = true;
      std::shared_ptr<SessionCall> next = std::move(waiting_->calls.front());
      waiting_->calls.pop_front();
      return next;
    }
    pumping_ = false;
    if (!running_ && waiting_ != nullptr) {
      stopped = std::move(waiting_->stopped);
      waiting_ = nullptr;
    }
  }
  if (stopped != nullptr) std::move(stopped)(absl::OkStatus());
  return nullptr;
}

}  // namespace mneme
