#ifndef MNEME_TESTS_CLIENT_MANUAL_TIMER_H_
#define MNEME_TESTS_CLIENT_MANUAL_TIMER_H_

#include <condition_variable>
#include <deque>
#include <utility>
#include <vector>

#include "client/timer.h"
#include "server/base/mutex.h"

namespace mneme::testing {

// A Timer whose waits end when a test says so, or at once (then its time jumps
// forward by the wait). Nothing sleeps. Thread-safe.
class ManualTimer : public client::Timer {
 public:
  explicit ManualTimer(bool at_once = false) : at_once_(at_once) {}

  absl::Duration Now() const override ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return now_;
  }

  void RunAfter(absl::Duration delay,
                absl::AnyInvocable<void() &&> function) override
      ABSL_LOCKS_EXCLUDED(mu_) {
    {
      MutexLock lock(&mu_);
      delays_.push_back(delay);
      waiting_.emplace_back(delay, std::move(function));
      changed_.notify_all();
    }
    if (at_once_) Fire();
  }

  // Waits until a function waits, and runs the first.
  void Fire() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::AnyInvocable<void() &&> function;
    {
      MutexLock lock(&mu_);
      while (waiting_.empty()) lock.Wait(changed_);
      now_ += waiting_.front().first;
      function = std::move(waiting_.front().second);
      waiting_.pop_front();
    }
    std::move(function)();
  }

  void AwaitWaiting() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (waiting_.empty()) lock.Wait(changed_);
  }

  // Every delay asked for so far.
  std::vector<absl::Duration> delays() const ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    return delays_;
  }

 private:
  const bool at_once_;
  mutable Mutex mu_;
  std::condition_variable changed_;
  absl::Duration now_ ABSL_GUARDED_BY(mu_) = absl::Hours(1);
  std::deque<std::pair<absl::Duration, absl::AnyInvocable<void() &&>>> waiting_
      ABSL_GUARDED_BY(mu_);
  std::vector<absl::Duration> delays_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_MANUAL_TIMER_H_
