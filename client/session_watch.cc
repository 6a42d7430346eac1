#include "client/session_watch.h"

#include <utility>

#include "client/error.h"
#include "client/session_watch_impl.h"
#include "client/wire.h"

namespace mneme::client {
namespace {

SessionEventKind FromWire(v1::SessionEvent::Kind kind) {
  switch (kind) {
    case v1::SessionEvent::READY:
      return SessionEventKind::kReady;
    case v1::SessionEvent::EXPIRED:
      return SessionEventKind::kExpired;
    case v1::SessionEvent::CLOSED:
      return SessionEventKind::kClosed;
    case v1::SessionEvent::EVICTED:
      return SessionEventKind::kEvicted;
    case v1::SessionEvent::MOVED:
      return SessionEventKind::kMoved;
    default:
      return SessionEventKind::kOther;
  }
}

}  // namespace

absl::string_view ToString(SessionEventKind kind) {
  switch (kind) {
    case SessionEventKind::kReady:
      return "ready";
    case SessionEventKind::kExpired:
      return "expired";
    case SessionEventKind::kClosed:
      return "closed";
    case SessionEventKind::kEvicted:
      return "evicted";
    case SessionEventKind::kMoved:
      return "moved";
    case SessionEventKind::kOther:
      break;
  }
  return "other";
}

SessionWatch::SessionWatch(std::unique_ptr<Impl> impl)
    : impl_(std::move(impl)) {}

SessionWatch::~SessionWatch() {
  Cancel();
  while (Next().ok()) {
  }
}

absl::StatusOr<SessionEvent> SessionWatch::Next() {
  if (!impl_->end.ok()) return impl_->end;
  v1::SessionEvent wire;
  if (!impl_->call->Read(&wire)) {
    impl_->end = FromGrpc(impl_->call->Finish());
    // The server never ends it so; a proxy may.
    if (impl_->end.ok()) impl_->end = absl::UnavailableError("it has ended");
    return impl_->end;
  }
  SessionEvent event;
  event.kind = FromWire(wire.kind());
  event.session_id = wire.session_id();
  event.reason = wire.reason();
  event.last = client::FromWire(wire.last());
  event.time = absl::FromUnixSeconds(wire.time().seconds()) +
               absl::Nanoseconds(wire.time().nanos());
  return event;
}

void SessionWatch::Cancel() { impl_->context.TryCancel(); }

}  // namespace mneme::client
