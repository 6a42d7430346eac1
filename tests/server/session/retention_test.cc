#include "server/session/retention.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

class RetentionTest : public ::testing::Test {
 protected:
  RetentionTest() { record_.retained = {{StepAt(0), 0}}; }

  static RetainedStep StepAt(uint64_t step) {
    RetainedStep retained{step, {}};
    retained.digest.fill(static_cast<uint8_t>(step));
    return retained;
  }

  // The reply of step n takes n bytes.
  void Add(uint64_t step, std::optional<uint64_t> message_start) {
    AddStep({StepAt(step), message_start, step}, limits_, &record_);
  }

  // A message that applies `segments`.
  void Message(int segments) {
    const uint64_t start = record_.head().step;
    for (int i = 0; i < segments; ++i) {
      Add(record_.head().step + 1,
          i == 0 ? std::optional(start) : std::nullopt);
    }
  }

  // These, and no others.
  void Pin(const std::vector<uint64_t>& steps) {
    for (RetainedValue& value : record_.retained) {
      value.pinned = std::count(steps.begin(), steps.end(), value.step) > 0;
    }
  }

  std::vector<uint64_t> Retained() const {
    std::vector<uint64_t> steps;
    for (const RetainedStep& step : record_.retained) {
      EXPECT_EQ(step, StepAt(step.step));
      steps.push_back(step.step);
    }
    return steps;
  }

  std::vector<uint64_t> ReplyBytes() const {
    std::vector<uint64_t> bytes;
    for (const RetainedValue& value : record_.retained) {
      bytes.push_back(value.reply_bytes);
    }
    return bytes;
  }

  RetentionLimits limits_{3, 2};
  SessionRecord record_;
};

TEST_F(RetentionTest, TheNewestValuesStay) {
  for (int i = 0; i < 10; ++i) Message(1);
  EXPECT_THAT(Retained(), ElementsAre(8, 9, 10));
}

TEST_F(RetentionTest, TheStartsOfTheNewestMessagesStay) {
  Message(10);
  EXPECT_THAT(Retained(), ElementsAre(0, 8, 9, 10));
  Message(10);
  EXPECT_THAT(Retained(), ElementsAre(0, 10, 18, 19, 20));
  Message(10);
  EXPECT_THAT(Retained(), ElementsAre(10, 20, 28, 29, 30));
  EXPECT_THAT(MessageStarts(record_), ElementsAre(10, 20));
}

TEST_F(RetentionTest, RepliesAreKeptOfTheStepsAfterTheOldestValue) {
  Message(10);
  Message(1);
  EXPECT_EQ(record_.first_reply, 1u);
  Message(1);  // pushes out the one from step 0
  EXPECT_THAT(Retained(), ElementsAre(10, 11, 12));
  EXPECT_EQ(record_.first_reply, 11u);
}

TEST_F(RetentionTest, APinnedValueStaysWithoutReplies) {
  Message(1);
  Pin({1});
  for (int i = 0; i < 10; ++i) Message(1);
  EXPECT_THAT(Retained(), ElementsAre(1, 9, 10, 11));
  EXPECT_EQ(record_.first_reply, 10u);
  EXPECT_THAT(ReplyBytes(), ElementsAre(0, 0, 10, 11));
  Pin({});
  Message(1);
  EXPECT_THAT(Retained(), ElementsAre(10, 11, 12));
}

TEST_F(RetentionTest, APinnedValueAmongTheNewestIsLikeTheOthers) {
  Message(2);
  Pin({2});
  Message(1);
  EXPECT_THAT(Retained(), ElementsAre(0, 1, 2, 3));
  EXPECT_EQ(record_.first_reply, 1u);
  EXPECT_THAT(ReplyBytes(), ElementsAre(0, 1, 2, 3));
}

TEST_F(RetentionTest, AHeldValueStaysWithTheRepliesAfterIt) {
  Message(2);
  FindStep(record_.retained, 1)->SetHeld(2);
  for (int i = 0; i < 10; ++i) Message(1);
  EXPECT_THAT(Retained(), ElementsAre(1, 10, 11, 12));
  EXPECT_EQ(record_.first_reply, 2u);
  EXPECT_EQ(record_.retained[0].held, 2u);
  FindStep(record_.retained, 1)->SetHeld(0);
  Message(1);
  EXPECT_THAT(Retained(), ElementsAre(11, 12, 13));
}

TEST_F(RetentionTest, RollingBackToAPinnedValueBeginsThere) {
  Message(1);
  Pin({1});
  for (int i = 0; i < 10; ++i) Message(1);
  RollBack(1, &record_);
  EXPECT_THAT(Retained(), ElementsAre(1));
  EXPECT_EQ(record_.first_reply, 2u);
  EXPECT_THAT(PinnedSteps(record_), ElementsAre(1));
  Message(1);
  EXPECT_THAT(Retained(), ElementsAre(1, 2));
  EXPECT_THAT(ReplyBytes(), ElementsAre(0, 2));
}

TEST_F(RetentionTest, RollingBackTakesLaterPinsAway) {
  Message(4);
  Pin({2, 3});
  RollBack(2, &record_);
  EXPECT_THAT(PinnedSteps(record_), ElementsAre(2));
}

TEST_F(RetentionTest, ARollbackBringsNoRepliesBack) {
  for (int i = 0; i < 3; ++i) Message(1);
  Pin({3});
  for (int i = 0; i < 6; ++i) Message(1);
  ASSERT_THAT(Retained(), ElementsAre(3, 7, 8, 9));
  ASSERT_EQ(record_.first_reply, 8u);
  limits_.values = 6;  // the pinned value is among the newest again
  RollBack(7, &record_);
  Message(1);
  EXPECT_THAT(Retained(), ElementsAre(3, 7, 8));
  EXPECT_EQ(record_.first_reply, 8u);
  EXPECT_THAT(ReplyBytes(), ElementsAre(0, 0, 8));
}

TEST_F(RetentionTest, AForkBeginsWithOneValue) {
  Message(4);
  Pin({3});
  FindStep(record_.retained, 3)->SetHeld(2);
  const SessionRecord fork = ForkAt(3, record_);
  EXPECT_THAT(fork.retained, ElementsAre(StepAt(3)));
  EXPECT_EQ(KeptBytes(fork), 0u);
  EXPECT_EQ(fork.first_reply, 4u);
  EXPECT_TRUE(MessageStarts(fork).empty());
  EXPECT_TRUE(PinnedSteps(fork).empty());
  EXPECT_EQ(fork.retained[0].held, 0u);
  EXPECT_EQ(fork.retained.capacity(), 1u);
}

TEST_F(RetentionTest, TheRepliesThatStayAreSummedUp) {
  for (const int segments : {1, 4, 1, 9, 1, 1, 1, 30, 2, 1, 1}) {
    for (int i = 0; i < segments; ++i) {
      Add(record_.head().step + 1,
          i == 0 ? std::optional(record_.head().step) : std::nullopt);
      uint64_t sum = 0;
      for (uint64_t step = record_.first_reply; step <= record_.head().step;
           ++step) {
        sum += step;
      }
      EXPECT_EQ(KeptBytes(record_), sum);
    }
  }
}

TEST_F(RetentionTest, AMessageThatGoesOnAfterAReplayKeepsItsStart) {
  Message(10);
  Add(11, 0);
  Add(12, 0);
  EXPECT_THAT(MessageStarts(record_), ElementsAre(0));
  EXPECT_THAT(Retained(), ElementsAre(0, 10, 11, 12));
}

TEST_F(RetentionTest, AMessageThatBeginsInThePastIsAmongTheNewest) {
  Message(10);
  Message(1);
  Add(12, 0);
  EXPECT_THAT(MessageStarts(record_), ElementsAre(10, 0));
  Message(1);
  EXPECT_THAT(MessageStarts(record_), ElementsAre(0, 12));
}

TEST_F(RetentionTest, AStartThatIsNotRetainedIsNotKept) {
  Message(10);
  Add(11, 5);
  EXPECT_THAT(MessageStarts(record_), ElementsAre(0));
}

TEST_F(RetentionTest, SmallerLimitsForgetTheRest) {
  for (int i = 0; i < 4; ++i) Message(3);
  limits_ = {1, 1};
  Message(1);
  EXPECT_THAT(Retained(), ElementsAre(12, 13));
}

TEST_F(RetentionTest, RollingBackForgetsWhatCameAfterAndNothingElse) {
  Message(2);  // to 2
  Message(3);  // to 5
  ASSERT_THAT(Retained(), ElementsAre(0, 2, 3, 4, 5));
  RollBack(3, &record_);
  EXPECT_THAT(Retained(), ElementsAre(0, 2, 3));
  EXPECT_EQ(record_.first_reply, 1u);
  EXPECT_THAT(ReplyBytes(), ElementsAre(0, 3, 3));
  // The second message, of which a step is left, can still be sent again.
  EXPECT_THAT(MessageStarts(record_), ElementsAre(0, 2));
}

TEST_F(RetentionTest, AMessageThatWasRolledBackWholeIsForgotten) {
  Message(2);
  Message(3);
  RollBack(2, &record_);
  EXPECT_THAT(MessageStarts(record_), ElementsAre(0));
  EXPECT_THAT(Retained(), ElementsAre(0, 2));
  Message(1);
  EXPECT_THAT(Retained(), ElementsAre(0, 2, 3));
}

}  // namespace
}  // namespace mneme
