#include "server/session/durable_head.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

class DurableHeadTest : public ::testing::Test {
 protected:
  static RetainedStep StepAt(uint64_t step) {
    RetainedStep retained{step, {}};
    retained.digest.fill(static_cast<uint8_t>(step));
    return retained;
  }
  static absl::Duration At(int64_t ms) { return absl::Milliseconds(ms); }
  // Step n is noted at n ms.
  void NoteUpTo(uint64_t last) {
    for (uint64_t step = next_; step <= last; ++step) {
      head_.Note(StepAt(step), At(static_cast<int64_t>(step)));
    }
    next_ = last + 1;
  }

  DurableHead head_{StepAt(0)};
  uint64_t next_ = 1;
};

TEST_F(DurableHeadTest, WhatItBeginsWithIsOnDisk) {
  EXPECT_EQ(head_.Newest(At(0)), StepAt(0));
  EXPECT_THAT(head_.Steps(), ElementsAre(0));
}

TEST_F(DurableHeadTest, WhatWasNotedBeforeTheOldestUnsyncedCommitIsOnDisk) {
  NoteUpTo(5);
  EXPECT_EQ(head_.Newest(At(1)), StepAt(0));
  EXPECT_EQ(head_.Newest(At(4)), StepAt(3)) << "not what was noted then";
  EXPECT_EQ(head_.Newest(At(99)), StepAt(5));
}

TEST_F(DurableHeadTest, AllIsOnDiskWhenNothingIsUnsynced) {
  NoteUpTo(5);
  EXPECT_EQ(head_.Newest(std::nullopt), StepAt(5));
}

TEST_F(DurableHeadTest, MovingOnForgetsWhatIsOlder) {
  NoteUpTo(5);
  EXPECT_EQ(head_.MoveOn(At(4)), StepAt(3));
  EXPECT_EQ(head_.durable(), StepAt(3));
  EXPECT_THAT(head_.Steps(), ElementsAre(3, 4, 5));
  EXPECT_EQ(head_.MoveOn(At(4)), StepAt(3)) << "it never goes back";
  EXPECT_EQ(head_.MoveOn(std::nullopt), StepAt(5));
  EXPECT_THAT(head_.Steps(), ElementsAre(5));
}

TEST_F(DurableHeadTest, ALookDoesNotMoveIt) {
  NoteUpTo(5);
  EXPECT_EQ(head_.Newest(std::nullopt), StepAt(5));
  EXPECT_EQ(head_.durable(), StepAt(0));
}

TEST_F(DurableHeadTest, AResetHeadIsOnDiskAndAllThereIs) {
  NoteUpTo(5);
  head_.Reset(StepAt(2));
  EXPECT_EQ(head_.Newest(std::nullopt), StepAt(2));
  EXPECT_THAT(head_.Steps(), ElementsAre(2));
}

TEST_F(DurableHeadTest, FewAreNotedHoweverFastStepsCome) {
  for (uint64_t last = 1; last <= 10'000; ++last) {
    NoteUpTo(last);
    ASSERT_LE(head_.Steps().size(), DurableHead::kMostNoted + 1);
    ASSERT_EQ(head_.Newest(std::nullopt), StepAt(last));
    ASSERT_EQ(head_.Steps()[1], 1u) << "the first stays, to move on to";
  }
}

// A sync each 100 ms, a step each ms.
TEST_F(DurableHeadTest, ItKeepsUpWithFastSteps) {
  for (uint64_t synced = 100; synced <= 5000; synced += 100) {
    NoteUpTo(synced);
    const uint64_t durable =
        head_.MoveOn(At(static_cast<int64_t>(synced))).step;
    EXPECT_GE(durable + 60, synced);
  }
}

}  // namespace
}  // namespace mneme
