#include "server/base/clock.h"

#include <condition_variable>
#include <thread>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"

namespace mneme {
namespace {

struct Flag {
  Mutex mutex;
  bool up ABSL_GUARDED_BY(mutex) = false;
  std::condition_variable changed;
};

TEST(RealClockTest, IsOneObject) { EXPECT_EQ(Clock::Real(), Clock::Real()); }

TEST(RealClockTest, MonotonicTimeNeverGoesBack) {
  absl::Duration last = Clock::Real()->Monotonic();
  for (int i = 0; i < 1000; ++i) {
    const absl::Duration now = Clock::Real()->Monotonic();
    ASSERT_GE(now, last);
    last = now;
  }
}

TEST(RealClockTest, WallTimeIsTheSystemsTime) {
  const absl::Time before = absl::Now();
  const absl::Time wall = Clock::Real()->Wall();
  EXPECT_GE(wall, before);
  EXPECT_LE(wall, absl::Now());
}

TEST(RealClockTest, WaitUntilReturnsAtOnceWhenTheDeadlineHasPassed) {
  Flag flag;
  MutexLock lock(&flag.mutex);
  Clock::Real()->WaitUntil(lock, flag.changed, absl::ZeroDuration());
  Clock::Real()->WaitUntil(lock, flag.changed, -absl::InfiniteDuration());
  EXPECT_TRUE(lock.native().owns_lock());
}

TEST(RealClockTest, WaitUntilReturnsAfterTheDeadline) {
  Flag flag;
  MutexLock lock(&flag.mutex);
  const absl::Duration deadline =
      Clock::Real()->Monotonic() + absl::Milliseconds(2);
  while (Clock::Real()->Monotonic() < deadline) {
    Clock::Real()->WaitUntil(lock, flag.changed, deadline);
  }
  EXPECT_TRUE(lock.native().owns_lock());
}

void ExpectWokenBeforeDeadline(absl::Duration deadline) {
  Flag flag;
  std::thread other([&flag] {
    MutexLock lock(&flag.mutex);
    flag.up = true;
    flag.changed.notify_all();
  });
  {
    MutexLock lock(&flag.mutex);
    while (!flag.up) Clock::Real()->WaitUntil(lock, flag.changed, deadline);
    EXPECT_TRUE(flag.up);
  }
  other.join();
}

TEST(RealClockTest, NotifyEndsAWaitWithoutADeadline) {
  ExpectWokenBeforeDeadline(absl::InfiniteDuration());
}

TEST(RealClockTest, NotifyEndsAWaitWithADistantDeadline) {
  ExpectWokenBeforeDeadline(Clock::Real()->Monotonic() + absl::Hours(1));
  ExpectWokenBeforeDeadline(absl::Hours(24 * 365 * 1000));
}

}  // namespace
}  // namespace mneme
