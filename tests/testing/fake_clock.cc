#include "tests/testing/fake_clock.h"

#include <algorithm>
#include <vector>

namespace mneme {

absl::Duration FakeClock::Monotonic() const {
  MutexLock lock(&mu_);
  return monotonic_;
}

absl::Time FakeClock::Wall() const {
  MutexLock lock(&mu_);
  return wall_;
}

void FakeClock::WaitUntil(MutexLock& lock, std::condition_variable& cv,
                          absl::Duration deadline) {
  int id = 0;
  {
    MutexLock own(&mu_);
    if (monotonic_ >= deadline) return;
    id = next_waiter_++;
    waiters_[id] = {&cv, lock.mutex(), deadline};
    waiters_changed_.notify_all();
  }
  // Advance() takes the caller's mutex before it notifies, so it cannot come
  // between the look at the time above and this wait.
  lock.Wait(cv);
  MutexLock own(&mu_);
  waiters_.erase(id);
}

void FakeClock::Advance(absl::Duration step) {
  std::vector<Waiter> waiters;
  {
    MutexLock lock(&mu_);
    monotonic_ += step;
    wall_ += step;
    for (const auto& [id, waiter] : waiters_) waiters.push_back(waiter);
  }
  for (const Waiter& waiter : waiters) {
    MutexLock lock(waiter.mutex);
    waiter.cv->notify_all();
  }
}

void FakeClock::StepWall(absl::Duration step) {
  MutexLock lock(&mu_);
  wall_ += step;
}

void FakeClock::AwaitWaiters(int n) {
  MutexLock lock(&mu_);
  while (static_cast<int>(waiters_.size()) < n) lock.Wait(waiters_changed_);
}

void FakeClock::AwaitWaitUntil(absl::Duration deadline) {
  MutexLock lock(&mu_);
  while (std::none_of(waiters_.begin(), waiters_.end(), [&](const auto& entry) {
    return entry.second.deadline == deadline;
  })) {
    lock.Wait(waiters_changed_);
  }
}

}  // namespace mneme
