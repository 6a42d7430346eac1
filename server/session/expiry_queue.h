#ifndef MNEME_SERVER_SESSION_EXPIRY_QUEUE_H_
#define MNEME_SERVER_SESSION_EXPIRY_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <map>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/memory_store.h"

namespace mneme {

// Deadlines of sessions on Clock::Monotonic(), at most one a session, and the
// thread that calls `due` for each that has passed, the earliest first.
//
// Rescheduling is lazy: using a session does not come here. `due` looks when
// the session really ends, and sets that deadline if it is still to come. An
// entry is a key by value, so it keeps no session alive and never dangles; an
// entry may outlive its session, and `due` is then called for a key that it no
// longer finds.
//
// Invariants: an entry is removed before `due` is called for it, so each Set
// leads to at most one call; `due` runs on the queue's thread, one call at a
// time, with no lock held, and the lock is free between two calls however many
// deadlines have passed.
//
// Memory: 224 bytes an entry with ids of 32 characters (214 MiB at 1,000,000
// sessions). Thread-safe; Set and Erase wait for nothing but the lock, under
// which the work is logarithmic.
class ExpiryQueue {
 public:
  // It may Set and Erase, also its own key: but a deadline that has passed is
  // due at once, before those after it. It should not block: what else is due
  // waits for it.
  using Due = absl::AnyInvocable<void(const SessionKey&)>;

  // Starts the thread. `clock` is not owned and outlives the queue.
  ExpiryQueue(Due due, Clock* clock);
  // Stop(). REQUIRES: nothing uses the queue any more.
  ~ExpiryQueue();
  // Waits for a running `due`; none is called after.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  ExpiryQueue(const ExpiryQueue&) = delete;
  ExpiryQueue& operator=(const ExpiryQueue&) = delete;

  // Adds a deadline, or moves the session's. absl::InfiniteDuration(): Erase.
  void Set(const SessionKey& key, absl::Duration deadline)
      ABSL_LOCKS_EXCLUDED(mu_);
  // A `due` for `key` that has begun, or is about to, is not waited for.
  void Erase(const SessionKey& key) ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Order = std::multimap<absl::Duration, const SessionKey*>;

  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until a deadline has passed and removes its entry; nullopt when
  // stopping.
  std::optional<SessionKey> TakeDue() ABSL_LOCKS_EXCLUDED(mu_);

  Due due_;  // the thread's own
  Clock* const clock_;

  mutable Mutex mu_;
  std::condition_variable wake_;
  // Trees, since a hash table of a million entries would hold the lock for tens
  // of milliseconds when it grows.
  std::map<SessionKey, Order::iterator> entries_ ABSL_GUARDED_BY(mu_);
  Order order_ ABSL_GUARDED_BY(mu_);  // points to the keys in entries_
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_EXPIRY_QUEUE_H_
