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

v1::SessionEvent::Kind KindOf(EndReason reason) {
  switch (reason) {
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

grpc::ByteBuffer EventOf(const Tombstone& end) {
  v1::SessionEvent event;
  event.set_kind(KindOf(end.reason));
  event.set_session_id(end.key.session_id);
  if (event.kind() == v1::SessionEvent::EXPIRED) {
    event.set_reason(std::string(EndReasonName(end.reason)));
  }
  WriteHandle(end.last, event.mutable_last());
  ToWire(end.at, event.mutable_time());
  return MessageBytes(event);
}

grpc::ByteBuffer Ready(absl::Time now) {
  v1::SessionEvent event;
  event.set_kind(v1::SessionEvent::READY);
  ToWire(now, event.mutable_time());
  return MessageBytes(event);
}

absl::Status TooSlow(size_t limit) {
  return MakeError(absl::StatusCode::kResourceExhausted, "WATCH_TOO_SLOW",
                   absl::StrCat("more than ", limit,
                                " events waited to be read; some were missed"));
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
  {
    MutexLock lock(&mu_);
    if (!outcome_.has_value()) events_.push_back(Ready(rpc_->clock->Wall()));
  }
  // Events follow READY, so from here on it may be written.
  subscription_ = rpc_->manager->events().Add(*std::move(filter), self_);
  Pump();
}

void WatchStream::OnSessionEnd(const Tombstone& end) {
  grpc::ByteBuffer event = EventOf(end);
  {
    MutexLock lock(&mu_);
    if (outcome_.has_value()) return;
    if (events_.size() < rpc_->watch_queue) {
      events_.push_back(std::move(event));
    } else {
      EndLocked(TooSlow(rpc_->watch_queue));
    }
  }
  Pump();
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
  subscription_ = SessionEvents::Subscription();
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
    if (!events_.empty()) {
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
