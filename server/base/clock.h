#ifndef MNEME_SERVER_BASE_CLOCK_H_
#define MNEME_SERVER_BASE_CLOCK_H_

#include <condition_variable>

#include "absl/time/time.h"
#include "server/base/mutex.h"

namespace mneme {

// All time the server knows. Thread-safe. Timers, deadlines and TTLs use
// Monotonic(), which no clock step changes; Wall() is for records and logs.
// Tests use FakeClock (tests/testing/fake_clock.h), so nothing sleeps.
class Clock {
 public:
  virtual ~Clock() = default;

  // Time since an arbitrary origin in the past; never goes back.
  virtual absl::Duration Monotonic() const = 0;
  virtual absl::Time Wall() const = 0;

  // Releases `lock`, waits until `cv` is notified or Monotonic() reaches
  // `deadline` (absl::InfiniteDuration(): no deadline), takes `lock` again.
  // Wake-ups may be spurious: callers loop on their condition and the time.
  virtual void WaitUntil(MutexLock& lock, std::condition_variable& cv,
                         absl::Duration deadline) = 0;

  // The process-wide real clock; never destroyed.
  static Clock* Real();
};

}  // namespace mneme

#endif  // MNEME_SERVER_BASE_CLOCK_H_
