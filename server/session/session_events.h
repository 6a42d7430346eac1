#ifndef MNEME_SERVER_SESSION_SESSION_EVENTS_H_
#define MNEME_SERVER_SESSION_SESSION_EVENTS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "server/session/tombstones.h"

namespace mneme {

// Told of the ends of sessions. Called from any thread, also several at once,
// with no lock held; must not block.
class SessionWatcher {
 public:
  virtual ~SessionWatcher() = default;
  virtual void OnSessionEnd(const Tombstone& end) = 0;
};

// Which sessions a watcher is told of: those of one tenant, and of these only
// the ones named; none named: all.
struct SessionFilter {
  std::string tenant;
  std::set<std::string> session_ids;
};

// Who watches the sessions of a server. The manager publishes, server/rpc
// watches; it keeps no event, so what happens before a watcher was added is not
// told. Owned by the manager, which outlives every Subscription.
//
// Thread-safe; no call waits for anything but the lock, under which nobody is
// called.
class SessionEvents {
 public:
  // Ends when it is destroyed: an OnSessionEnd that has begun may still run.
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

  // Every end that is published from now on. The watcher is held weakly.
  Subscription Add(SessionFilter filter, std::weak_ptr<SessionWatcher> watcher)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Returns when every watcher whom it concerns was told.
  void Publish(const Tombstone& end) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    std::set<std::string> session_ids;
    std::weak_ptr<SessionWatcher> watcher;
  };

  void Remove(const Subscription::Id& id) ABSL_LOCKS_EXCLUDED(mu_);

  Mutex mu_;
  uint64_t next_ ABSL_GUARDED_BY(mu_) = 1;
  std::map<Subscription::Id, Entry> entries_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_EVENTS_H_
