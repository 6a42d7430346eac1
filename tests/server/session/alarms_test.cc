#include "server/session/alarms.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/pending.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

class AlarmsTest : public ::testing::Test {
 protected:
  absl::Duration In(int seconds) const {
    return clock_.Monotonic() + absl::Seconds(seconds);
  }
  Alarms::Ring Note(std::string name) {
    return [this, name = std::move(name)] {
      MutexLock lock(&mu_);
      rung_.push_back(name);
    };
  }
  std::vector<std::string> rung() {
    MutexLock lock(&mu_);
    return rung_;
  }

  FakeClock clock_;
  Mutex mu_;
  std::vector<std::string> rung_ ABSL_GUARDED_BY(mu_);
};

TEST_F(AlarmsTest, TheEarliestRingsFirstAndNoneBeforeItsTime) {
  Alarms alarms(&clock_);
  Pending<bool> third;
  alarms.Set(In(3), [set = third.Setter()] { set(true); });
  alarms.Set(In(2), Note("second"));
  alarms.Set(In(1), Note("first"));
  alarms.Set(In(60), Note("late"));
  clock_.Advance(absl::Seconds(3));
  EXPECT_TRUE(third.Get());
  EXPECT_THAT(rung(), ElementsAre("first", "second"));
}

TEST_F(AlarmsTest, OneThatIsSetEarlierIsNotMissed) {
  Alarms alarms(&clock_);
  alarms.Set(In(60), Note("late"));
  clock_.AwaitWaitUntil(In(60));
  Pending<bool> soon;
  alarms.Set(In(1), [set = soon.Setter()] { set(true); });
  clock_.AwaitWaitUntil(In(1));
  clock_.Advance(absl::Seconds(1));
  EXPECT_TRUE(soon.Get());
  EXPECT_THAT(rung(), ElementsAre());
}

TEST_F(AlarmsTest, WhatIsLeftRingsOnceWhenTheyStop) {
  Alarms alarms(&clock_);
  alarms.Set(In(60), Note("a"));
  alarms.Set(In(90), Note("b"));
  alarms.Stop();
  EXPECT_THAT(rung(), ElementsAre("a", "b"));
  alarms.Set(In(60), Note("at once"));
  EXPECT_THAT(rung(), ElementsAre("a", "b", "at once"));
}

TEST_F(AlarmsTest, ARingMaySetAnother) {
  Alarms alarms(&clock_);
  Pending<bool> second;
  alarms.Set(In(0), [&] {
    alarms.Set(In(0), [set = second.Setter()] { set(true); });
  });
  EXPECT_TRUE(second.Get());
}

}  // namespace
}  // namespace mneme
