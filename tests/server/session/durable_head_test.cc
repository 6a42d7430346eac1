#include "server/session/durable_head.h"

#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsSupersetOf;
using ::testing::Not;

constexpr int64_t kMessages = 3;

RetainedStep StepAt(uint64_t step) {
  RetainedStep retained{step, {}};
  retained.digest.fill(static_cast<uint8_t>(step));
  return retained;
}
absl::Duration At(uint64_t ms) {
  return absl::Milliseconds(static_cast<int64_t>(ms));
}

class DurableHeadTest : public ::testing::Test {
 protected:
  // Step n is noted at n ms.
  void NoteUpTo(uint64_t last) {
    for (uint64_t step = next_; step <= last; ++step) {
      head_.Note(StepAt(step), At(step));
    }
    next_ = last + 1;
  }

  DurableHead head_{{StepAt(0)}, kMessages};
  uint64_t next_ = 1;
};

TEST_F(DurableHeadTest, WhatItBeginsWithIsOnDisk) {
  EXPECT_EQ(head_.Newest(At(0)), StepAt(0));
  EXPECT_THAT(head_.Held(), ElementsAre(0));
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

TEST_F(DurableHeadTest, AnAnswerIsNeverTakenBack) {
  NoteUpTo(5);
  EXPECT_EQ(head_.Answer(At(4)), StepAt(3));
  EXPECT_EQ(head_.Answer(At(2)), StepAt(3));
  EXPECT_EQ(head_.Answer(std::nullopt), StepAt(5));
}

TEST_F(DurableHeadTest, ALookIsNoAnswer) {
  NoteUpTo(5);
  EXPECT_EQ(head_.Newest(std::nullopt), StepAt(5));
  EXPECT_EQ(head_.Newest(At(1)), StepAt(0));
}

TEST_F(DurableHeadTest, WhatMayBeDurableNextIsHeld) {
  NoteUpTo(5);
  EXPECT_THAT(head_.Held(), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST_F(DurableHeadTest, WhatWasAnsweredIsHeldForSomeMessages) {
  NoteUpTo(1);
  head_.Answer(std::nullopt);
  for (uint64_t message = 1; message <= kMessages; ++message) {
    EXPECT_THAT(head_.Held(), Contains(0)) << "before message " << message;
    NoteUpTo(1 + message);
    head_.Answer(std::nullopt);
    head_.Answer(std::nullopt);  // a message that applies nothing
  }
  EXPECT_THAT(head_.Held(), Not(Contains(0)));
}

TEST_F(DurableHeadTest, WhatARestartFoundIsHeldForSomeMessages) {
  DurableHead head({StepAt(3), StepAt(5), StepAt(9)}, kMessages);
  EXPECT_EQ(head.Newest(At(0)), StepAt(9));
  EXPECT_THAT(head.Held(), ElementsAre(3, 5, 9));
  for (uint64_t step = 10; step < 10 + kMessages; ++step) {
    EXPECT_THAT(head.Held(), IsSupersetOf({3, 5, 9}));
    head.Note(StepAt(step), At(step));
    head.Answer(At(0));
  }
  EXPECT_THAT(head.Held(), ElementsAre(9, 10, 11, 12));
}

TEST_F(DurableHeadTest, TheHeadOfARollbackIsOnDiskAndWhatCameAfterIsGone) {
  NoteUpTo(2);
  head_.Answer(std::nullopt);
  NoteUpTo(5);
  head_.Answer(At(5));
  head_.RollBack(StepAt(3));
  EXPECT_EQ(head_.Newest(At(0)), StepAt(3));
  EXPECT_THAT(head_.Held(), ElementsAre(0, 2, 3));
}

TEST_F(DurableHeadTest, FewAreHeldHoweverFastStepsCome) {
  for (uint64_t last = 1; last <= 10'000; ++last) {
    NoteUpTo(last);
    ASSERT_LE(head_.Held().size(), DurableHead::kMostNoted + 1);
    ASSERT_EQ(head_.Newest(std::nullopt), StepAt(last));
    ASSERT_EQ(head_.Held()[1], 1u) << "the first stays, to move on to";
  }
}

TEST_F(DurableHeadTest, FewAreHeldHoweverOftenItIsAsked) {
  for (uint64_t step = 1; step <= 1000; ++step) {
    head_.Note(StepAt(step), At(step));
    head_.Answer(At(step));
    head_.Answer(std::nullopt);
    ASSERT_LE(head_.Held().size(),
              DurableHead::kMostNoted + DurableHead::kMostEarlier + 1);
  }
}

// A sync each 100 ms, a step each ms.
TEST_F(DurableHeadTest, ItKeepsUpWithFastSteps) {
  for (uint64_t synced = 100; synced <= 5000; synced += 100) {
    NoteUpTo(synced);
    EXPECT_GE(head_.Answer(At(synced)).step + 60, synced);
  }
}

}  // namespace
}  // namespace mneme
