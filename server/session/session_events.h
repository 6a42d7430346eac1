#ifndef MNEME_SERVER_SESSION_SESSION_EVENTS_H_
#define MNEME_SERVER_SESSION_SESSION_EVENTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/session/end_reason.h"
#include "server/session/handle.h"
#include "server/store/memory_store.h"

namespace mneme {

// What happened to a session. A plain value.
struct SessionEvent {
  SessionKey key;
  MemoryHandle last;  // the head then
  // Why it ended; nullopt: it did not, another server has it now.
  std::optional<EndReason> end;
  absl::Time at;  // wall time
};

// Told what happens to sessions. Called from any thread, also several at once,
// with no lock held; must not block.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;
  virtual void OnEvent(const SessionEvent& event) = 0;
  // Something happened that it is not told of.
  virtual void OnMissed() = 0;
};

// Which sessions a watcher is told of: those of one tenant, and of these only
// the ones named; none named: all.
struct SessionFilter {
  std::string tenant;
  std::set<std::string> session_ids;
};

// Who watches sessions through this server. It keeps no event, so what happens
// before a watcher was added is not told. Owned by the manager, which outlives
// every Subscription.
//
// Thread-safe; no call waits for anything but the lock, under which nobody is
// called.
class SessionEvents {
 public:
  // Ends when it is destroyed: an OnEvent that has begun may still run.
  // Movable; empty after a move.
  class Subscription {
   public:
    Subscription() = default;
    Subscription(Subscription&& other) noexcept;
    Subscription& operator=(Subscription&& other) noexcept;
    ~Subscription();

   private:
    friend class SessionEvents;
    using Id = std::pair<std::string, uint64_t>;  // tenant, number

    Subscription(SessionEvents* events, Id id)
        : events_(events), id_(std::move(id)) {}

    SessionEvents* events_ = nullptr;
    Id id_;
  };

  // All that is published from now on. The watcher is held weakly.
  Subscription Add(SessionFilter filter, std::weak_ptr<SessionWatcher> watcher)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Returns when every watcher whom it concerns was told.
  void Publish(const SessionEvent& event) ABSL_LOCKS_EXCLUDED(mu_);
  // Tells every watcher that it missed something.
  void PublishMissed() ABSL_LOCKS_EXCLUDED(mu_);
  bool watched() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    std::set<std::string> session_ids;
    std::weak_ptr<SessionWatcher> watcher;
  };

  void Remove(const Subscription::Id& id) ABSL_LOCKS_EXCLUDED(mu_);

  mutable Mutex mu_;
  uint64_t next_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<Subscription::Id, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_EVENTS_H_
