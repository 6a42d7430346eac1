#ifndef MNEME_SERVER_BASE_MUTEX_H_
#define MNEME_SERVER_BASE_MUTEX_H_

#include <condition_variable>
#include <mutex>

#include "absl/base/thread_annotations.h"

namespace mneme {

// std::mutex that clang's thread-safety analysis can see. Not absl::Mutex: the
// distribution's libabsl is not built for ThreadSanitizer, which then reports
// false races.
class ABSL_LOCKABLE Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

  void Lock() ABSL_EXCLUSIVE_LOCK_FUNCTION() { mu_.lock(); }
  void Unlock() ABSL_UNLOCK_FUNCTION() { mu_.unlock(); }

 private:
  friend class MutexLock;
  std::mutex mu_;
};

// Holds a Mutex for its scope. Wait() releases it while waiting, as
// std::condition_variable does; wake-ups may be spurious, so callers loop.
class ABSL_SCOPED_LOCKABLE MutexLock {
 public:
  explicit MutexLock(Mutex* mu) ABSL_EXCLUSIVE_LOCK_FUNCTION(mu)
      : mu_(mu), lock_(mu->mu_) {}
  ~MutexLock() ABSL_UNLOCK_FUNCTION() = default;
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

  void Wait(std::condition_variable& cv) { cv.wait(lock_); }

  // For clocks: the lock that a timed wait releases, and the mutex under it.
  std::unique_lock<std::mutex>& native() { return lock_; }
  Mutex* mutex() const { return mu_; }

 private:
  Mutex* const mu_;
  std::unique_lock<std::mutex> lock_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_BASE_MUTEX_H_
