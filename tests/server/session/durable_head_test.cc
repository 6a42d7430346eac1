#include "server/session/durable_head.h"

#include <algorithm>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/retention.h"

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

// A session that retains its head, and what it must for the durable one.
class Tracked {
 public:
  Tracked(const std::vector<RetainedStep>& retained, int64_t messages)
      : messages_(messages) {
    for (const RetainedStep& step : retained) {
      record_.retained.push_back({step});
    }
    DurableHead::HoldFound(messages_, &record_.retained);
  }

  void Note(const RetainedStep& head, absl::Duration now) {
    const RetainedStep before = record_.head();
    AddStep({head, std::nullopt, 0, durable_.Needed(before)}, {1, 1}, &record_);
    durable_.Note(before, head, now);
  }
  void RollBack(uint64_t step) {
    ::mneme::RollBack(step, &record_);
    durable_.RollBack(messages_, &record_.retained);
  }
  RetainedStep Newest(std::optional<absl::Duration> unsynced_since) const {
    return durable_.Newest(unsynced_since, record_.head());
  }
  RetainedStep Answer(std::optional<absl::Duration> unsynced_since) {
    return durable_.Answer(unsynced_since, messages_, &record_.retained);
  }
  RetainedStep MoveOn(std::optional<absl::Duration> unsynced_since) {
    return durable_.MoveOn(unsynced_since, messages_, &record_.retained);
  }
  bool is_head() const { return durable_.is_head(); }

  std::vector<uint64_t> Held() const {
    std::vector<uint64_t> steps = durable_.Needed(record_.head());
    for (const RetainedValue& value : record_.retained) {
      if (value.held > 0) steps.push_back(value.step);
    }
    std::sort(steps.begin(), steps.end());
    steps.erase(std::unique(steps.begin(), steps.end()), steps.end());
    for (const uint64_t step : steps) {
      EXPECT_NE(FindStep(record_.retained, step), nullptr) << step;
    }
    return steps;
  }
  size_t retained() const { return record_.retained.size(); }

 private:
  const int64_t messages_;
  SessionRecord record_;
  DurableHead durable_;
};

class DurableHeadTest : public ::testing::Test {
 protected:
  // Step n is noted at n ms.
  void NoteUpTo(uint64_t last) {
    for (uint64_t step = next_; step <= last; ++step) {
      head_.Note(StepAt(step), At(step));
    }
    next_ = last + 1;
  }

  Tracked head_{{StepAt(0)}, kMessages};
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
  Tracked head({StepAt(3), StepAt(5), StepAt(9)}, kMessages);
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
  head_.RollBack(3);
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

TEST_F(DurableHeadTest, NothingIsLeftOfItOnceTheHeadIsOnDisk) {
  EXPECT_TRUE(head_.is_head());
  NoteUpTo(5);
  EXPECT_EQ(head_.MoveOn(At(4)), StepAt(3));
  EXPECT_FALSE(head_.is_head());
  EXPECT_EQ(head_.MoveOn(std::nullopt), StepAt(5));
  EXPECT_TRUE(head_.is_head());
  EXPECT_EQ(head_.Newest(At(0)), StepAt(5));
  EXPECT_EQ(head_.Answer(At(0)), StepAt(5));
}

TEST_F(DurableHeadTest, WhatWasAnsweredIsHeldThoughItMovedOnBetweenMessages) {
  NoteUpTo(1);
  EXPECT_EQ(head_.Answer(At(1)), StepAt(0));
  head_.MoveOn(std::nullopt);
  for (uint64_t message = 1; message <= kMessages; ++message) {
    EXPECT_THAT(head_.Held(), Contains(0)) << "before message " << message;
    NoteUpTo(1 + message);
    EXPECT_EQ(head_.Answer(At(1 + message)), StepAt(message));
    head_.MoveOn(std::nullopt);
  }
  EXPECT_THAT(head_.Held(), Not(Contains(0)));
}

TEST_F(DurableHeadTest, MovingOnBetweenMessagesRetainsNoMore) {
  for (uint64_t message = 1; message <= 100; ++message) {
    NoteUpTo(message);
    head_.Answer(At(message));
    head_.MoveOn(std::nullopt);
    ASSERT_LE(head_.retained(), kMessages + 2u);
  }
}

TEST_F(DurableHeadTest, AnAnswerToNothingNewHoldsNothingShorter) {
  NoteUpTo(1);
  head_.Answer(std::nullopt);
  const auto held = head_.Held();
  for (int i = 0; i < 10; ++i) head_.Answer(std::nullopt);
  EXPECT_EQ(head_.Held(), held);
}

TEST_F(DurableHeadTest, MoreMessagesThanCanBeCountedHoldUntilManyAreHeld) {
  Tracked head({StepAt(0)}, 1'000'000);
  for (uint64_t step = 1; step <= 5000; ++step) {
    head.Note(StepAt(step), At(step));
    head.Answer(std::nullopt);
    const uint64_t oldest =
        step < DurableHead::kMostEarlier ? 0 : step - DurableHead::kMostEarlier;
    ASSERT_EQ(head.Held().front(), oldest);
  }
}

TEST_F(DurableHeadTest, WhatIsReadAgainIsHeldAsItWas) {
  DurableHead::Retained before = {{StepAt(1)}, {StepAt(2)}, {StepAt(3)}};
  DurableHead::HoldFound(kMessages, &before);
  DurableHead::Retained again = {{StepAt(2)}, {StepAt(3)}, {StepAt(4)}};
  DurableHead::CarryHeld(before, &again);
  EXPECT_EQ(again[0].held, kMessages);
  EXPECT_EQ(again[1].held, 0u);
  again[0].digest.fill(99);  // another value of the same step
  again[0].SetHeld(0);
  DurableHead::CarryHeld(before, &again);
  EXPECT_EQ(again[0].held, 0u);
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
