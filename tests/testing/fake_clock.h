#ifndef MNEME_TESTS_TESTING_FAKE_CLOCK_H_
#define MNEME_TESTS_TESTING_FAKE_CLOCK_H_

#include <condition_variable>
#include <map>

#include "server/base/clock.h"

namespace mneme {

// A clock that stands still until a test moves it. Waits end when they are
// notified or when Advance() reaches their deadline; nothing sleeps.
// Thread-safe.
class FakeClock : public Clock {
 public:
  absl::Duration Monotonic() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Time Wall() const override ABSL_LOCKS_EXCLUDED(mu_);
  void WaitUntil(MutexLock& lock, std::condition_variable& cv,
                 absl::Duration deadline) override ABSL_LOCKS_EXCLUDED(mu_);

  // Moves both clocks, and wakes every wait so that it looks again.
  void Advance(absl::Duration step) ABSL_LOCKS_EXCLUDED(mu_);
  // Steps the wall clock alone, as an administrator would.
  void StepWall(absl::Duration step) ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when at least `n` waits are under way.
  void AwaitWaiters(int n) ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when a wait until `deadline` is under way.
  void AwaitWaitUntil(absl::Duration deadline) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Waiter {
    std::condition_variable* cv;
    Mutex* mutex;
    absl::Duration deadline;
  };

  mutable Mutex mu_;
  std::condition_variable waiters_changed_;
  absl::Duration monotonic_ ABSL_GUARDED_BY(mu_) = absl::Hours(1);
  absl::Time wall_ ABSL_GUARDED_BY(mu_) = absl::FromUnixSeconds(1'700'000'000);
  std::map<int, Waiter> waiters_ ABSL_GUARDED_BY(mu_);
  int next_waiter_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_FAKE_CLOCK_H_
