#ifndef MNEME_SERVER_SESSION_EXPIRY_QUEUE_H_
#define MNEME_SERVER_SESSION_EXPIRY_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/memory_store.h"

namespace mneme {

// A session to the queue. Held by shared_ptr.
class Expirable {
 public:
  explicit Expirable(SessionKey key) : key_(std::move(key)) {}
  const SessionKey& key() const { return key_; }

 private:
  friend class ExpiryQueue;
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  const SessionKey key_;
  int64_t due_ = kNever;  // where it is in the queue, whose lock guards it
};

// Deadlines of sessions on Clock::Monotonic(), at most one a session, and the
// thread that calls `due` for each that has passed, the earliest first.
//
// Rescheduling is lazy: using a session moves no deadline. `due` looks when the
// session really ends, and sets that deadline if it is still to come. An entry
// keeps no session alive and never dangles; it may outlive its session, of
// which the memory (not what that holds) then goes with the entry, and `due` is
// not called.
//
// Invariants: an entry is removed before `due` is called for it, so each Set
// leads to at most one call; `due` runs on the queue's thread, one call at a
// time, with no lock held, and the lock is free between two calls however many
// deadlines have passed.
//
// Memory: some 40 bytes an entry, and 8 in each session (46 MiB at 1,000,000
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
  void Set(const std::shared_ptr<Expirable>& session, absl::Duration deadline)
      ABSL_LOCKS_EXCLUDED(mu_);
  // A `due` for it that has begun, or is about to, is not waited for.
  void Erase(const std::shared_ptr<Expirable>& session)
      ABSL_LOCKS_EXCLUDED(mu_);

  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Entry {
    int64_t due;  // in nanoseconds
    std::weak_ptr<Expirable> session;
    // By address where the deadline is the same: that of what is gone is not
    // used again as long as the entry is there.
    bool operator<(const Entry& other) const {
      return due != other.due ? due < other.due
                              : session.owner_before(other.session);
    }
  };

  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until a deadline has passed and removes its entry; nullptr when
  // stopping.
  std::shared_ptr<Expirable> TakeDue() ABSL_LOCKS_EXCLUDED(mu_);
  // Of the session, if there is one.
  void Remove(const std::shared_ptr<Expirable>& session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Due due_;  // the thread's own
  Clock* const clock_;

  mutable Mutex mu_;
  std::condition_variable wake_;
  absl::btree_set<Entry> order_ ABSL_GUARDED_BY(mu_);  // one a session
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_EXPIRY_QUEUE_H_
