// When the batch policy runs a batch: the rules that make it wait.

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/schedule/batch_policy.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::Duration kNow = absl::Seconds(100);
constexpr int64_t kTokens = 16;
const int kModel = 0;
const int kOtherModel = 0;

absl::Duration Ms(double milliseconds) {
  return absl::Milliseconds(milliseconds);
}

// A scheduler whose batches take 10 ms whatever their size, and whose sessions
// come back a millisecond after their answer.
class BatchTimingTest : public ::testing::Test {
 protected:
  BatchTimingTest() {
    for (const int64_t rows : {1, 8, 64, 256}) {
      steps_.Record(&kModel, rows * kTokens, Ms(10), kNow);
    }
    for (int i = 0; i < 100; ++i) {
      returns_.Answered(&kModel, &sessions_[i], kNow - Ms(100));
      returns_.Returned(&sessions_[i], kNow - Ms(99));
    }
    state_.device_free = kNow;
    state_.steps = &steps_;
    state_.returns = &returns_;
  }

  void Enqueue(int64_t count, const void* model = &kModel) {
    WaitingSegment segment;
    segment.model = model;
    segment.num_tokens = kTokens;
    segment.arrived = kNow;
    queue_.resize(queue_.size() + static_cast<size_t>(count), segment);
  }
  void Answer(int count, absl::Duration at) {
    for (int i = 0; i < count; ++i) {
      returns_.Answered(&kModel, &sessions_[i], at);
    }
  }
  // The device is busy until `free`, with a step of 10 ms.
  void Run(int64_t rows, absl::Duration free, const void* model = &kModel) {
    state_.running = {model, rows, free - Ms(10)};
    state_.device_free = free;
  }
  BatchDecision Decide(absl::Duration now = kNow) const {
    return DecideBatch(queue_, now, options_, state_);
  }

  int sessions_[100] = {};  // only their addresses matter
  StepEstimate steps_;
  ReturnEstimate returns_;
  BatchPolicyOptions options_;
  SchedulerState state_;
  std::vector<WaitingSegment> queue_;
};

TEST_F(BatchTimingTest, NothingWaitsForAnArrival) {
  EXPECT_EQ(Decide().wait_until, absl::InfiniteDuration());
  EXPECT_EQ(Decide().wait_arrivals, 1);
}

TEST_F(BatchTimingTest, AnIdleDeviceRunsAtOnceIfNobodyIsExpected) {
  Enqueue(1);
  EXPECT_THAT(Decide().run, ElementsAre(0));
  Answer(50, kNow - absl::Seconds(2));  // given up
  EXPECT_THAT(Decide().run, ElementsAre(0));
}

TEST_F(BatchTimingTest, ABatchIsMadeShortlyBeforeTheDeviceIsFree) {
  Enqueue(300);
  Run(256, kNow + Ms(5), &kOtherModel);
  EXPECT_THAT(Decide().run, IsEmpty());
  EXPECT_EQ(Decide().wait_until, kNow + Ms(5) - options_.lead);
  EXPECT_EQ(Decide().wait_arrivals, BatchDecision::kNever);
  EXPECT_THAT(Decide(kNow + Ms(4.7)).run, SizeIs(256));
  EXPECT_THAT(Decide(kNow + Ms(50)).run, SizeIs(256));
}

TEST_F(BatchTimingTest, TheLeadIsAtMostAQuarterOfTheStepThatRuns) {
  Enqueue(1);
  Run(1, kNow + Ms(0.2), &kOtherModel);
  state_.running.started = kNow;
  EXPECT_EQ(Decide().wait_until, kNow + Ms(0.15));
}

TEST_F(BatchTimingTest, ABusyDeviceStillDropsWhatIsHopeless) {
  Enqueue(2);
  queue_[1].cancelled = true;
  Run(1, kNow + Ms(5));
  EXPECT_THAT(Decide().drop, ElementsAre(1));
}

TEST_F(BatchTimingTest, AFreeDeviceWaitsForThoseWhoAreComingBack) {
  Enqueue(10);
  Answer(50, kNow);
  const BatchDecision decision = Decide();
  EXPECT_THAT(decision.run, IsEmpty());
  EXPECT_GT(decision.wait_until, kNow + Ms(1));
  EXPECT_LE(decision.wait_until, kNow + Ms(2));
  EXPECT_GT(decision.wait_arrivals, 20);
  EXPECT_LE(decision.wait_arrivals, 50);
}

TEST_F(BatchTimingTest, TheWaitIsCountedFromWhenTheDeviceBecameFree) {
  Enqueue(10);
  for (WaitingSegment& segment : queue_) segment.arrived = kNow - Ms(5);
  Answer(50, kNow - Ms(0.95));
  state_.device_free = kNow - Ms(1.9);
  EXPECT_THAT(Decide().run, IsEmpty());
  EXPECT_LE(Decide().wait_until, kNow + Ms(0.1));
  state_.device_free = kNow - Ms(2);
  EXPECT_THAT(Decide().run, SizeIs(10));
}

TEST_F(BatchTimingTest, OrFromWhenTheOldestArrived) {
  Enqueue(10);
  Answer(50, kNow);
  state_.device_free = kNow - absl::Seconds(10);
  EXPECT_THAT(Decide().run, IsEmpty());
  queue_[0].arrived = kNow - Ms(2);
  EXPECT_THAT(Decide().run, SizeIs(10));
}

TEST_F(BatchTimingTest, TheWaitIsAtMostAQuarterOfTheStep) {
  Enqueue(10);
  Answer(50, kNow - Ms(0.9));
  for (int i = 0; i < 60; ++i) {
    for (const int64_t rows : {1, 8, 64, 256}) {
      steps_.Record(&kModel, rows * kTokens, Ms(1), kNow);
    }
  }
  EXPECT_THAT(Decide().run, IsEmpty());
  EXPECT_LE(Decide().wait_until, kNow + Ms(0.26));
}

TEST_F(BatchTimingTest, AFullBatchDoesNotWait) {
  Enqueue(256);
  Answer(50, kNow);
  EXPECT_THAT(Decide().run, SizeIs(256));
  queue_.resize(10);
  options_.max_tokens = 10 * kTokens - 1;
  EXPECT_THAT(Decide().run, SizeIs(9));
}

TEST_F(BatchTimingTest, ADeadlineEndsTheWait) {
  Enqueue(10);
  Answer(50, kNow);
  // With an eighth for a step that takes longer.
  queue_[3].deadline = kNow + Ms(12.5);
  EXPECT_THAT(Decide().run, IsEmpty());
  EXPECT_LE(Decide().wait_until, kNow + Ms(1.25));
  queue_[3].deadline = kNow + Ms(11.3);
  EXPECT_THAT(Decide().run, SizeIs(10));
}

TEST_F(BatchTimingTest, ThoseWhoseStepRunsAreExpectedBackToo) {
  Enqueue(10);
  Run(50, kNow + Ms(0.2));
  EXPECT_THAT(Decide().run, IsEmpty());
  EXPECT_GT(Decide().wait_until, kNow + Ms(1.2));
  EXPECT_LE(Decide().wait_until, kNow + Ms(2.2));
  Run(50, kNow - Ms(3));  // it takes longer than was thought
  EXPECT_GT(Decide().wait_until, kNow + Ms(1));
}

TEST_F(BatchTimingTest, SessionsOfAnotherModelAreNotWaitedFor) {
  steps_.Record(&kOtherModel, kTokens, Ms(10), kNow);
  Enqueue(10, &kOtherModel);
  Answer(50, kNow);
  EXPECT_THAT(Decide().run, SizeIs(10));
}

TEST_F(BatchTimingTest, ManyDoNotWaitForAFew) {
  Enqueue(200);
  Answer(2, kNow);
  EXPECT_THAT(Decide().run, SizeIs(200));
}

TEST_F(BatchTimingTest, ThereIsNoWaitWhereJoiningSavesNoTime) {
  StepEstimate steps;  // ten rows take ten times as long as one
  for (const int64_t rows : {1, 2, 8, 16, 64, 256}) {
    steps.Record(&kModel, rows * kTokens, static_cast<double>(rows) * Ms(10),
                 kNow);
  }
  state_.steps = &steps;
  Enqueue(10);
  Answer(50, kNow);
  EXPECT_THAT(Decide().run, SizeIs(10));
}

TEST_F(BatchTimingTest, TheWaitCanBeTurnedOff) {
  options_.max_convoy_wait = absl::ZeroDuration();
  Enqueue(10);
  Answer(50, kNow);
  EXPECT_THAT(Decide().run, SizeIs(10));
}

}  // namespace
}  // namespace mneme
