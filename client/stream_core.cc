#include "client/stream_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "client/stream_call.h"
#include "client/wire.h"
#include "server/base/status_macros.h"

namespace mneme::client {
namespace {

StreamOptions WithDefaults(StreamOptions options) {
  if (options.max_message_tokens == 0) {
    options.max_message_tokens = options.segment_size;
  }
  options.window = std::max<size_t>(options.window, 1);
  options.buffer_tokens =
      std::max(options.buffer_tokens, 2 * options.max_message_tokens);
  return options;
}

absl::Status Cancelled() {
  return absl::CancelledError("the stream was cancelled");
}

}  // namespace

StreamCore::StreamCore(v1::Segments::StubInterface* stub, std::string tenant,
                       std::shared_ptr<Timer> timer, StreamOptions options,
                       StreamHandler* handler)
    : stub_(stub),
      tenant_(std::move(tenant)),
      timer_(std::move(timer)),
      options_(WithDefaults(std::move(options))),
      handler_(handler),
      ledger_(options_.segment_size, options_.at),
      policy_(options_.retry) {}

void StreamCore::Open() {
  auto call = std::make_shared<StreamCall>(shared_from_this(),
                                           options_.at.session_id, tenant_);
  {
    MutexLock lock(&mu_);
    if (phase_ != Phase::kWaiting) return;
    phase_ = Phase::kCalling;
    call_ = call;
    ledger_.BeginCall();
    first_request_ = true;
  }
  StreamCall::Start(call, *stub_);
}

absl::Status StreamCore::Write(absl::Span<const int32_t> tokens, bool flush) {
  {
    MutexLock lock(&mu_);
    RETURN_IF_ERROR(CheckOpen());
    if (tokens.size() > RoomLocked()) {
      return absl::ResourceExhaustedError(absl::StrCat(
          tokens.size(), " tokens written where there is room for ",
          RoomLocked()));
    }
    ledger_.input().Append(tokens);
    if (flush) ledger_.input().Flush();
  }
  Pump();
  return absl::OkStatus();
}

size_t StreamCore::Room() const {
  MutexLock lock(&mu_);
  return RoomLocked();
}

absl::Status StreamCore::WaitForRoom(size_t tokens) {
  MutexLock lock(&mu_);
  tokens = std::min(tokens, options_.buffer_tokens);
  while (phase_ != Phase::kDone && RoomLocked() < tokens) lock.Wait(changed_);
  return result_;
}

absl::Status StreamCore::Flush() {
  {
    MutexLock lock(&mu_);
    RETURN_IF_ERROR(CheckOpen());
    ledger_.input().Flush();
  }
  Pump();
  return absl::OkStatus();
}

absl::Status StreamCore::Finish() {
  {
    MutexLock lock(&mu_);
    RETURN_IF_ERROR(CheckOpen());
    input_finished_ = true;
  }
  Pump();
  return absl::OkStatus();
}

void StreamCore::Cancel() {
  std::shared_ptr<StreamCall> call;
  bool waiting = false;
  {
    MutexLock lock(&mu_);
    if (phase_ == Phase::kEnding || phase_ == Phase::kDone) return;
    cancelled_ = true;
    call = call_;
    waiting = phase_ == Phase::kWaiting;
    if (waiting) phase_ = Phase::kEnding;
  }
  if (call != nullptr) call->Cancel();
  if (waiting) End(Cancelled());
}

absl::Status StreamCore::Wait() {
  MutexLock lock(&mu_);
  while (phase_ != Phase::kDone) lock.Wait(changed_);
  return result_;
}

MemoryHandle StreamCore::durable() const {
  MutexLock lock(&mu_);
  return ledger_.resume();
}

MemoryHandle StreamCore::head() const {
  MutexLock lock(&mu_);
  return ledger_.head();
}

StreamCore::Next StreamCore::NextRequest(v1::SegmentRequest& request) {
  MutexLock lock(&mu_);
  if (Complete()) return Next::kFinished;
  if (ledger_.in_flight() >= options_.window || !broken_.ok()) {
    return Next::kNothing;
  }
  auto message = ledger_.Send(options_.max_message_tokens, timer_->Now());
  if (!message) return Next::kNothing;
  request = MakeRequest(*message, options_,
                        first_request_ ? &ledger_.resume() : nullptr);
  first_request_ = false;
  changed_.notify_all();
  return Next::kRequest;
}

absl::Status StreamCore::OnReply(const v1::SegmentReply& wire) {
  StreamReply reply = FromWire(wire);
  absl::Status status;
  {
    MutexLock lock(&mu_);
    if (broken_.ok()) broken_ = ledger_.Accept(reply, timer_->Now());
    if (ledger_.TakeProgress()) policy_.Progress();
    status = broken_;
  }
  if (!status.ok()) return status;
  for (const SegmentResult& segment : reply.segments) {
    handler_->OnSegment(segment);
  }
  return absl::OkStatus();
}

void StreamCore::OnReplyDone() {
  bool room = false;
  {
    MutexLock lock(&mu_);
    room = RoomLocked() > 0 && !input_finished_ && broken_.ok();
  }
  if (room) handler_->OnRoom();
}

void StreamCore::OnCallDone(absl::Status status) {
  absl::Duration delay;
  MemoryHandle from;
  bool final = false;
  {
    MutexLock lock(&mu_);
    call_ = nullptr;
    final = IsFinal(status, delay);
    if (final) phase_ = Phase::kEnding;
    from = ledger_.resume();
  }
  if (final) return End(status);
  handler_->OnRetry(status, from, delay);
  {
    MutexLock lock(&mu_);
    phase_ = cancelled_ ? Phase::kEnding : Phase::kWaiting;
    final = cancelled_;
  }
  if (final) return End(Cancelled());
  timer_->RunAfter(delay, [self = shared_from_this()] { self->Open(); });
}

absl::Status StreamCore::CheckOpen() const {
  RETURN_IF_ERROR(result_);
  if (phase_ == Phase::kDone || input_finished_) {
    return absl::FailedPreconditionError("the stream's input was finished");
  }
  return absl::OkStatus();
}

size_t StreamCore::RoomLocked() const {
  size_t unsent = ledger_.input().unsent();
  return options_.buffer_tokens - std::min(options_.buffer_tokens, unsent);
}

bool StreamCore::Complete() const {
  return input_finished_ && ledger_.all_answered();
}

bool StreamCore::IsFinal(absl::Status& status, absl::Duration& delay) {
  if (cancelled_ || !broken_.ok() || Complete()) {
    status = cancelled_ ? Cancelled() : broken_;
    return true;
  }
  if (status.ok()) {
    status = absl::UnavailableError("the server ended the stream too early");
  }
  absl::optional<absl::Duration> wait =
      policy_.NextDelay(status, timer_->Now());
  delay = wait.value_or(absl::ZeroDuration());
  return !wait.has_value();
}

void StreamCore::Pump() {
  std::shared_ptr<StreamCall> call;
  {
    MutexLock lock(&mu_);
    call = call_;
  }
  if (call != nullptr) call->Pump();
}

void StreamCore::End(const absl::Status& status) {
  {
    MutexLock lock(&mu_);
    result_ = status;
  }
  handler_->OnDone(status);
  {
    MutexLock lock(&mu_);
    phase_ = Phase::kDone;
    changed_.notify_all();
  }
}

}  // namespace mneme::client
