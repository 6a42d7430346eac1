#ifndef MNEME_CLIENT_SESSION_WATCH_H_
#define MNEME_CLIENT_SESSION_WATCH_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/handle.h"

namespace mneme::client {

// kReady: every end after it is told. kOther: of a newer server.
enum class SessionEventKind {
  kReady,
  kExpired,
  kClosed,
  kEvicted,
  kMoved,
  kOther
};

absl::string_view ToString(SessionEventKind kind);

// A session ended, or goes on on another server (kMoved), or the watch has
// begun (kReady, which has only a time).
struct SessionEvent {
  SessionEventKind kind = SessionEventKind::kOther;
  std::string session_id;
  std::string reason;  // why it expired: idle_ttl, max_age
  MemoryHandle last;   // the head then
  absl::Time time = absl::InfinitePast();
};

// What Client::WatchSessions gives: events as they come. One thread reads; any
// thread may cancel. May outlive the client.
class SessionWatch {
 public:
  // Cancels. REQUIRES: no Next() is under way.
  ~SessionWatch();

  // Waits for the next event. An error is the end: CANCELLED after Cancel,
  // RESOURCE_EXHAUSTED (WATCH_TOO_SLOW) if events were missed, UNAVAILABLE if
  // the server or the connection is gone (behind a proxy, INTERNAL without a
  // reason too).
  absl::StatusOr<SessionEvent> Next();
  void Cancel();

 private:
  friend class Client;
  struct Impl;
  explicit SessionWatch(std::unique_ptr<Impl> impl);

  const std::unique_ptr<Impl> impl_;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_SESSION_WATCH_H_
