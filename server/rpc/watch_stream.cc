#include "server/rpc/watch_stream.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mneme/v1/sessions.pb.h"
#include "server/base/error_info.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/read_sessions.h"
#include "server/rpc/wire_time.h"
#include "server/rpc/write_reply.h"

namespace mneme {
namespace {

v1::SessionEvent::Kind KindOf(std::optional<EndReason> end) {
  if (!end.has_value()) return v1::SessionEvent::MOVED;
  switch (*end) {
    case EndReason::kIdleTtl:
    case EndReason::kMaxAge:
      return v1::SessionEvent::EXPIRED;
    case EndReason::kClosed:
      return v1::SessionEvent::CLOSED;
    case EndReason::kEvicted:
      return v1::SessionEvent::EVICTED;
  }
  return v1::SessionEvent::KIND_UNSPECIFIED;
}

grpc::ByteBuffer EventOf(const SessionEvent& event) {
  v1::SessionEvent wire;
  wire.set_kind(KindOf(event.end));
  wire.set_session_id(event.key.session_id);
  if (wire.kind() == v1::SessionEvent::EXPIRED) {
    wire.set_reason(std::string(EndReasonName(*event.end)));
  }
  WriteHandle(event.last, wire.mutable_last());
  ToWire(event.at, wire.mutable_time());
  return MessageBytes(wire);
}

grpc::ByteBuffer Ready(absl::Time now) {
  v1::SessionEvent event;
  event.set_kind(v1::SessionEvent::READY);
  ToWire(now, event.mutable_time());
  return MessageBytes(event);
}

absl::Status TooSlow(absl::string_view why) {
  return MakeError(absl::StatusCode::kResourceExhausted, "WATCH_TOO_SLOW",
                   absl::StrCat(why, "; some were missed"));
}

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* WatchStream::Start(
    const RpcContext* rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& request) {
  const std::shared_ptr<WatchStream> stream(new WatchStream(rpc));
  stream->self_ = stream;
  stream->ticket_ = rpc->calls->Enter(stream, CallRegistry::Kind::kUnary);
  stream->Begin(context, request);
  return stream.get();
}

void WatchStream::Begin(const grpc::CallbackServerContext& context,
                        const grpc::ByteBuffer& request) {
  absl::StatusOr<SessionFilter> filter = ReadWatch(*rpc_, context, request);
  if (!filter.ok()) return End(filter.status());
  rpc_->manager->Watch(
      *std::move(filter), self_,
      [stream = self_](absl::StatusOr<SessionEvents::Subscription> watching) {
        stream->OnWatching(std::move(watching));
      });
}

void WatchStream::OnWatching(
    absl::StatusOr<SessionEvents::Subscription> watching) {
  if (!watching.ok()) return End(watching.status());
  {
    MutexLock lock(&mu_);
    if (outcome_.has_value()) return;
    subscription_ = *std::move(watching);
    events_.push_front(Ready(rpc_->clock->Wall()));
    ready_ = true;
  }
  Pump();
}

void WatchStream::OnEvent(const SessionEvent& event) {
  grpc::ByteBuffer bytes = EventOf(event);
  {
    MutexLock lock(&mu_);
    if (outcome_.has_value()) return;
    if (events_.size() < rpc_->watch_queue) {
      events_.push_back(std::move(bytes));
    } else {
      EndLocked(TooSlow(absl::StrCat("more than ", rpc_->watch_queue,
                                     " events waited to be read")));
    }
  }
  Pump();
}

void WatchStream::OnMissed() {
  End(TooSlow("the server could not read all events of others in time"));
}

void WatchStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(&mu_);
    writing_ = false;
    if (!ok) EndLocked(absl::CancelledError("the caller is gone"));
  }
  Pump();
}

void WatchStream::OnCancel() {
  End(absl::CancelledError("the caller is gone"));
}

void WatchStream::Drain() {
  {
    MutexLock lock(&mu_);
    if (!outcome_.has_value()) outcome_ = DrainingError(nullptr);
  }
  Pump();
}

void WatchStream::CutOff() { End(DrainingError(nullptr)); }

void WatchStream::OnDone() {
  SessionEvents::Subscription subscription;  // let go after the lock
  {
    MutexLock lock(&mu_);
    subscription = std::move(subscription_);
  }
  ticket_ = CallRegistry::Ticket();
  const std::shared_ptr<WatchStream> last = std::move(self_);
}

void WatchStream::End(const absl::Status& status) {
  {
    MutexLock lock(&mu_);
    EndLocked(status);
  }
  Pump();
}

void WatchStream::EndLocked(const absl::Status& status) {
  if (!outcome_.has_value()) outcome_ = status;
  events_.clear();
}

void WatchStream::Pump() {
  std::optional<absl::Status> outcome;
  {
    MutexLock lock(&mu_);
    if (writing_ || finished_) return;
    if (ready_ && !events_.empty()) {
      written_.Swap(&events_.front());
      events_.pop_front();
      writing_ = true;
    } else if (outcome_.has_value()) {
      finished_ = true;
      outcome = outcome_;
    } else {
      return;
    }
  }
  if (!outcome.has_value()) return StartWrite(&written_);
  rpc_->counts->Add(RpcMethod::kWatchSessions, outcome->code());
  Finish(ToGrpcStatus(*outcome));
}

}  // namespace mneme
