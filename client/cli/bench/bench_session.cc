#include "client/cli/bench/bench_session.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

// A server that refuses everything is not asked without pause.
constexpr absl::Duration kPause = absl::Milliseconds(100);

// What is not there needs no closing.
absl::Status UnlessGone(const absl::Status& closed) {
  return absl::IsNotFound(closed) ? absl::OkStatus() : closed;
}

}  // namespace

BenchSession::BenchSession(const Context& context, uint64_t seed)
    : context_(context),
      bits_(RandomBits::Mix(seed, 0)),
      tokens_(context.plan.tokens, RandomBits::Mix(seed, 1)),
      queue_(context.arguments.in_flight) {}

void BenchSession::Open() { OpenNext(); }

void BenchSession::OpenNext() {
  client::SessionSpec spec;
  spec.session_id = absl::StrCat("bench-", client::NewSessionId());
  spec.model = context_.plan.model.name;
  spec.durability = context_.arguments.durability;
  {
    MutexLock lock(&mu_);
    id_ = spec.session_id;
  }
  context_.client.OpenSession(
      std::move(spec),
      [this](const absl::StatusOr<client::SessionInfo>& session) {
        OnOpen(session);
      });
}

// Until it is kOpen nobody but this ends it.
void BenchSession::OnOpen(const absl::StatusOr<client::SessionInfo>& session) {
  absl::Status status = session.status();
  Tell(status);
  bool stopping = false;
  if (status.ok()) {
    MutexLock lock(&mu_);
    stopping = stopping_;
    if (!stopping) status = Begin(session->head.handle);
  }
  if (!status.ok() || stopping) Replace(status);
}

void BenchSession::Tell(const absl::Status& opened) {
  bool first = false;
  {
    MutexLock lock(&mu_);
    first = !std::exchange(told_, true);
  }
  if (first) return context_.observer.OnOpened(opened);
  if (opened.ok()) return context_.observer.OnReopened();
  context_.observer.OnFailed(opened, 1);
}

absl::Status BenchSession::Begin(const client::MemoryHandle& at) {
  ASSIGN_OR_RETURN(sender_, MakeSender(at));
  sent_ = 0;
  state_ = State::kOpen;
  SendDue();
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<SegmentSender>> BenchSession::MakeSender(
    const client::MemoryHandle& at) {
  client::StreamOptions options;
  options.at = at;
  options.segment_size = context_.plan.model.segment_size;
  options.outputs = context_.plan.outputs;
  options.window = context_.arguments.in_flight;
  options.buffer_tokens = (options.window + 1) * options.segment_size;
  options.retry.retry_for = context_.arguments.retry_for;
  if (context_.arguments.unary) {
    return MakeProcessSender(context_.client, context_.timer, options, this);
  }
  return MakeStreamSender(context_.client, std::move(options), this);
}

void BenchSession::Start() {
  MutexLock lock(&mu_);
  started_ = true;
  SendDue();
}

void BenchSession::Arrive(absl::Duration due) {
  MutexLock lock(&mu_);
  queue_.Arrive(due);
  SendDue();
}

void BenchSession::SendDue() {
  while (state_ == State::kOpen && started_ && !stopping_ && !UsedUp()) {
    const bool due = context_.open_loop ? queue_.CanSend() : queue_.has_place();
    if (!due) return;
    SendOne();
  }
}

void BenchSession::SendOne() {
  const uint32_t size = context_.plan.mix.Draw(bits_);
  const std::vector<int32_t>& tokens = tokens_.Next(size);
  const absl::Duration now = context_.timer.Now();
  if (!context_.open_loop) queue_.Arrive(now);
  queue_.Send(now);
  ++sent_;
  sender_->Send(tokens, size < context_.plan.model.segment_size);
}

bool BenchSession::UsedUp() const {
  const uint64_t most = context_.arguments.session_segments;
  return most > 0 && sent_ >= most;
}

bool BenchSession::BeginLeaving() {
  if (state_ != State::kOpen || queue_.under_way() > 0) return false;
  if (!stopping_ && !UsedUp()) return false;
  state_ = State::kLeaving;
  return true;
}

void BenchSession::Stop() {
  std::deque<SegmentTimes> dropped;
  SegmentSender* leave = nullptr;
  {
    MutexLock lock(&mu_);
    stopping_ = true;
    dropped = queue_.DropDue(context_.timer.Now());
    if (BeginLeaving()) leave = sender_.get();
  }
  for (const SegmentTimes& times : dropped) {
    context_.observer.OnUnanswered(times);
  }
  if (leave != nullptr) leave->Finish();
}

void BenchSession::Cancel() {
  SegmentSender* sender = nullptr;
  {
    MutexLock lock(&mu_);
    sender = sender_.get();
  }
  if (sender != nullptr) sender->Cancel();
}

void BenchSession::OnSegment(const client::SegmentResult& segment) {
  const absl::Duration now = context_.timer.Now();
  SegmentTimes times;
  {
    MutexLock lock(&mu_);
    times = queue_.Oldest(now);
  }
  // Before the next is sent, whose answer may come on another thread. Until
  // then this one counts as under way, so that nobody ends the session.
  context_.observer.OnAnswer(times, segment);
  SegmentSender* leave = nullptr;
  {
    MutexLock lock(&mu_);
    queue_.DropOldest();
    SendDue();
    if (BeginLeaving()) leave = sender_.get();
  }
  if (leave != nullptr) leave->Finish();
}

void BenchSession::OnRetry(const absl::Status& /*error*/,
                           const client::MemoryHandle& /*from*/,
                           absl::Duration /*delay*/) {
  context_.observer.OnRetry();
}

void BenchSession::OnDone(const absl::Status& status) {
  std::deque<SegmentTimes> lost;
  std::unique_ptr<SegmentSender> sender;
  bool given_up = false;
  {
    MutexLock lock(&mu_);
    state_ = State::kLeaving;
    lost = queue_.DropUnderWay(context_.timer.Now());
    sender = std::move(sender_);
    given_up = stopping_ && absl::IsCancelled(status);
  }
  if (given_up) {
    for (const SegmentTimes& times : lost) {
      context_.observer.OnUnanswered(times);
    }
  } else if (!status.ok()) {
    context_.observer.OnFailed(status, std::max<uint64_t>(lost.size(), 1));
  }
  context_.observer.Retire(std::move(sender));
  Replace(status);
}

void BenchSession::Replace(const absl::Status& status) {
  std::string id;
  bool stopping = false;
  {
    MutexLock lock(&mu_);
    id = std::exchange(id_, "");
    stopping = stopping_;
    state_ = stopping       ? State::kErasing
             : !status.ok() ? State::kPausing
                            : State::kOpening;
    if (!stopping) ++calls_;
  }
  if (stopping) return Erase(id);
  Close(id);
  if (status.ok()) return OpenNext();
  context_.timer.RunAfter(kPause, [this] { OnPaused(); });
}

void BenchSession::OnPaused() {
  bool stopping = false;
  {
    MutexLock lock(&mu_);
    stopping = stopping_;
    if (!stopping) state_ = State::kOpening;
  }
  stopping ? CallDone(absl::OkStatus()) : OpenNext();
}

void BenchSession::Erase(const std::string& id) {
  context_.client.EraseSession(
      id, [this, id](const absl::StatusOr<client::MemoryHandle>& erased) {
        if (absl::IsUnimplemented(erased.status())) return Close(id);
        CallDone(UnlessGone(erased.status()));
      });
}

void BenchSession::Close(const std::string& id) {
  context_.client.CloseSession(
      id, [this](const absl::StatusOr<client::MemoryHandle>& closed) {
        CallDone(UnlessGone(closed.status()));
      });
}

void BenchSession::CallDone(const absl::Status& closed) {
  absl::Status all;
  {
    MutexLock lock(&mu_);
    closed_.Update(closed);
    if (--calls_ > 0) return;
    state_ = State::kEnded;
    all = closed_;
  }
  context_.observer.OnEnded(all);
}

}  // namespace mneme::cli
