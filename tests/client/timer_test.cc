#include "client/timer.h"

#include <condition_variable>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"
#include "tests/testing/fake_clock.h"

namespace mneme::client {
namespace {

using ::testing::ElementsAre;

// What ran, in order; waits for it.
class Trace {
 public:
  void Add(int what) {
    MutexLock lock(&mu_);
    ran_.push_back(what);
    changed_.notify_all();
  }
  std::vector<int> Await(size_t n) {
    MutexLock lock(&mu_);
    while (ran_.size() < n) lock.Wait(changed_);
    return ran_;
  }

 private:
  Mutex mu_;
  std::condition_variable changed_;
  std::vector<int> ran_ ABSL_GUARDED_BY(mu_);
};

TEST(TimerThreadTest, RunsFunctionsInTheOrderOfTheirTimes) {
  FakeClock clock;
  Trace trace;
  TimerThread timer(&clock);
  timer.RunAfter(absl::Seconds(3), [&] { trace.Add(3); });
  timer.RunAfter(absl::Seconds(1), [&] { trace.Add(1); });
  timer.RunAfter(absl::ZeroDuration(), [&] { trace.Add(0); });
  EXPECT_THAT(trace.Await(1), ElementsAre(0));
  clock.Advance(absl::Seconds(2));
  EXPECT_THAT(trace.Await(2), ElementsAre(0, 1));
  clock.Advance(absl::Seconds(2));
  EXPECT_THAT(trace.Await(3), ElementsAre(0, 1, 3));
}

TEST(TimerThreadTest, DropsWhatWaitsWhenItIsDestroyed) {
  FakeClock clock;
  auto alive = std::make_shared<int>(1);
  {
    TimerThread timer(&clock);
    timer.RunAfter(absl::Hours(1), [alive] { ADD_FAILURE(); });
    EXPECT_EQ(alive.use_count(), 2);
  }
  EXPECT_EQ(alive.use_count(), 1);
}

TEST(TimerThreadTest, MayBeDestroyedByAFunctionThatItRuns) {
  FakeClock clock;
  Trace trace;
  auto timer = std::make_unique<TimerThread>(&clock);
  TimerThread* raw = timer.get();
  raw->RunAfter(absl::ZeroDuration(),
                [&trace, owner = std::move(timer)]() mutable {
                  owner = nullptr;
                  trace.Add(1);
                });
  EXPECT_THAT(trace.Await(1), ElementsAre(1));
}

}  // namespace
}  // namespace mneme::client
