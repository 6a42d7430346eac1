#include "server/schedule/batch_policy.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr absl::Duration kNow = absl::Seconds(100);
const int kModelA = 0;
const int kModelB = 0;

WaitingSegment Full(const void* model = &kModelA) {
  WaitingSegment segment;
  segment.model = model;
  segment.num_tokens = 16;
  segment.arrived = kNow;
  return segment;
}

// Of tenant `tenant`, that arrived so long before kNow.
WaitingSegment From(uint32_t tenant, absl::Duration waited = {}) {
  WaitingSegment segment = Full();
  segment.tenant = tenant;
  segment.arrived = kNow - waited;
  return segment;
}

WaitingSegment Of(Priority priority, absl::Duration waited = {}) {
  WaitingSegment segment = From(0, waited);
  segment.priority = priority;
  return segment;
}

WaitingSegment Due(absl::Duration in) {
  WaitingSegment segment = From(0);
  segment.deadline = kNow + in;
  return segment;
}

BatchDecision Decide(absl::Span<const WaitingSegment> queue,
                     const BatchPolicyOptions& options = {},
                     const SchedulerState& state = {}) {
  return DecideBatch(queue, kNow, options, state);
}

WaitingSegment Short(int64_t tokens) {
  WaitingSegment segment = Full();
  segment.num_tokens = tokens;
  segment.full = false;
  return segment;
}

TEST(BatchPolicyTest, AnEmptyQueueRunsNothing) {
  const BatchDecision decision = Decide({});
  EXPECT_THAT(decision.run, IsEmpty());
  EXPECT_THAT(decision.drop, IsEmpty());
}

TEST(BatchPolicyTest, EverythingOfOneModelRunsTogether) {
  const BatchDecision decision = Decide({Full(), Full(), Full()});
  EXPECT_THAT(decision.run, ElementsAre(0, 1, 2));
}

TEST(BatchPolicyTest, TheRowLimitKeepsArrivalOrder) {
  const BatchPolicyOptions options = {.max_rows = 2};
  const BatchDecision decision = Decide({Full(), Full(), Full()}, options);
  EXPECT_THAT(decision.run, ElementsAre(0, 1));
}

TEST(BatchPolicyTest, TheTokenLimitCountsTokensButLetsOneRowPass) {
  BatchPolicyOptions options;
  options.max_tokens = 40;
  EXPECT_THAT(Decide({Full(), Full(), Full()}, options).run, ElementsAre(0, 1));
  options.max_tokens = 1;
  EXPECT_THAT(Decide({Full(), Full()}, options).run, ElementsAre(0));
}

TEST(BatchPolicyTest, TheOutputLimitCountsBytesButLetsOneRowPass) {
  const BatchPolicyOptions options = {.max_output_bytes = 100};
  std::vector<WaitingSegment> queue(4, Full());
  queue[0].output_bytes = 60;
  queue[1].output_bytes = 40;
  queue[2].output_bytes = 1;
  EXPECT_THAT(Decide(queue, options).run, ElementsAre(0, 1));
  queue[0].output_bytes = 101;
  EXPECT_THAT(Decide(queue, options).run, ElementsAre(0));
}

TEST(BatchPolicyTest, TheModelThatWaitedLongestGoesFirstAndAlone) {
  const BatchDecision decision =
      Decide({Full(&kModelB), Full(&kModelA), Full(&kModelB)});
  EXPECT_THAT(decision.run, ElementsAre(0, 2));
}

TEST(BatchPolicyTest, ShortSegmentsNeverDelayAFullBatch) {
  const BatchPolicyOptions options = {.max_rows = 2};
  EXPECT_THAT(Decide({Full(), Short(3), Full()}, options).run,
              ElementsAre(0, 2));
}

TEST(BatchPolicyTest, AShortSegmentThatIsOldestIsNotStarved) {
  const BatchPolicyOptions options = {.max_rows = 2};
  EXPECT_THAT(Decide({Short(3), Full(), Full()}, options).run,
              ElementsAre(0, 1));
}

TEST(BatchPolicyTest, ShortSegmentsFillWhatFullOnesLeave) {
  EXPECT_THAT(Decide({Full(), Short(3)}).run, ElementsAre(0, 1));
}

TEST(BatchPolicyTest, HopelessWorkIsDroppedAndCostsNoRow) {
  std::vector<WaitingSegment> queue = {Full(), Full(), Full(), Full()};
  queue[0].deadline = kNow;
  queue[1].deadline = kNow + absl::Nanoseconds(1);
  queue[2].cancelled = true;
  const BatchDecision decision = Decide(queue, {.max_rows = 2});
  EXPECT_THAT(decision.drop, ElementsAre(0, 2));
  EXPECT_THAT(decision.run, ElementsAre(1, 3));
}

TEST(BatchPolicyTest, AHigherClassGoesFirstAndALowerOneFillsWhatIsLeft) {
  const std::vector<WaitingSegment> queue = {
      Of(Priority::kLow), Of(Priority::kNormal), Of(Priority::kHigh),
      Of(Priority::kNormal)};
  EXPECT_THAT(Decide(queue, {.max_rows = 1}).run, ElementsAre(2));
  EXPECT_THAT(Decide(queue, {.max_rows = 3}).run, ElementsAre(1, 2, 3));
  EXPECT_THAT(Decide(queue).run, ElementsAre(0, 1, 2, 3));
}

TEST(BatchPolicyTest, AShortSegmentOfAHigherClassGoesBeforeFullOnes) {
  std::vector<WaitingSegment> queue = {Full(), Short(3), Full()};
  queue[1].priority = Priority::kHigh;
  EXPECT_THAT(Decide(queue, {.max_rows = 2}).run, ElementsAre(0, 1));
}

TEST(BatchPolicyTest, TheModelOfTheHighestClassRuns) {
  std::vector<WaitingSegment> queue = {Full(&kModelB), Full(&kModelA)};
  queue[1].priority = Priority::kHigh;
  EXPECT_THAT(Decide(queue).run, ElementsAre(1));
}

TEST(BatchPolicyTest, WhatWaitedTooLongCountsAsAHigherClass) {
  const absl::Duration second = absl::Seconds(1);
  const BatchPolicyOptions options = {.max_rows = 1};
  const WaitingSegment high = Of(Priority::kHigh);
  const WaitingSegment normal = Of(Priority::kNormal);
  struct Case {
    std::vector<WaitingSegment> queue;
    size_t first;
  };
  for (const Case& c : std::vector<Case>{
           {{Of(Priority::kLow, 0.9 * second), normal}, 1},
           {{Of(Priority::kLow, second), normal}, 0},
           {{Of(Priority::kLow, 1.9 * second), high}, 1},
           {{Of(Priority::kLow, 2 * second), high}, 0},
           {{Of(Priority::kNormal, second), high}, 0},
       }) {
    EXPECT_THAT(Decide(c.queue, options).run, ElementsAre(c.first));
  }
}

TEST(BatchPolicyTest, WhatWaitedTooLongHasAQuarterOfTheBatchTheOldestFirst) {
  std::vector<WaitingSegment> queue(10, Of(Priority::kLow, absl::Minutes(1)));
  queue.resize(20, Of(Priority::kHigh));
  EXPECT_THAT(Decide(queue, {.max_rows = 8}).run,
              ElementsAre(0, 1, 10, 11, 12, 13, 14, 15));
}

TEST(BatchPolicyTest, TheTenantThatHadLeastGoesFirst) {
  const std::vector<TenantShare> tenants = {{100, 1}, {50, 1}};
  SchedulerState state;
  state.tenants = tenants;
  const std::vector<WaitingSegment> queue = {From(0), From(0), From(1)};
  EXPECT_THAT(Decide(queue, {.max_rows = 1}, state).run, ElementsAre(2));
}

TEST(BatchPolicyTest, TenantsShareABatchByWeight) {
  const std::vector<TenantShare> tenants = {{0, 1}, {0, 3}};
  SchedulerState state;
  state.tenants = tenants;
  std::vector<WaitingSegment> queue(100, From(0));
  queue.resize(200, From(1));
  const BatchDecision decision = Decide(queue, {.max_rows = 40}, state);
  int64_t heavy = 0;
  for (const size_t i : decision.run) heavy += queue[i].tenant;
  EXPECT_EQ(decision.run.size(), 40);
  EXPECT_EQ(heavy, 30);
}

TEST(BatchPolicyTest, WhatATenantDoesNotUseIsTheOthers) {
  std::vector<WaitingSegment> queue(100, From(0));
  queue.resize(103, From(1));
  const BatchDecision decision = Decide(queue, {.max_rows = 40});
  EXPECT_EQ(decision.run.size(), 40);
  EXPECT_EQ(decision.run.back(), 102);
  EXPECT_EQ(decision.run[36], 36);
}

TEST(BatchPolicyTest, OfATenantTheEarliestDeadlineGoesFirst) {
  const std::vector<WaitingSegment> queue = {
      From(0), Due(absl::Milliseconds(500)), Due(absl::Milliseconds(100))};
  EXPECT_THAT(Decide(queue, {.max_rows = 1}).run, ElementsAre(2));
  EXPECT_THAT(Decide(queue, {.max_rows = 2}).run, ElementsAre(1, 2));
}

TEST(BatchPolicyTest, WithoutADeadlineASegmentIsDueAfterASecond) {
  const std::vector<WaitingSegment> queue = {Due(absl::Milliseconds(500)),
                                             From(0, absl::Milliseconds(600)),
                                             Due(absl::Seconds(9))};
  EXPECT_THAT(Decide(queue, {.max_rows = 1}).run, ElementsAre(1));
  EXPECT_THAT(Decide(queue, {.max_rows = 2}).run, ElementsAre(0, 1));
}

// A step of 16 tokens takes 10 ms.
StepEstimate TenMilliseconds(absl::Duration seen = kNow) {
  StepEstimate steps;
  steps.Record(&kModelA, 16, absl::Milliseconds(10), seen);
  return steps;
}

TEST(BatchPolicyTest, WhatWouldBeLateIsDropped) {
  const StepEstimate steps = TenMilliseconds();
  SchedulerState state;
  state.steps = &steps;
  const std::vector<WaitingSegment> queue = {Due(absl::Milliseconds(9)),
                                             Due(absl::Milliseconds(12))};
  EXPECT_THAT(Decide(queue, {}, state).drop, ElementsAre(0));
  state.running = {&kModelA, 1, kNow - absl::Milliseconds(8)};
  state.device_free = kNow + absl::Milliseconds(2);
  EXPECT_THAT(Decide(queue, {}, state).drop, ElementsAre(0, 1));
}

TEST(BatchPolicyTest, AnOldEstimateDropsNothing) {
  const StepEstimate steps = TenMilliseconds(kNow - absl::Seconds(2));
  SchedulerState state;
  state.steps = &steps;
  const std::vector<WaitingSegment> queue = {Due(absl::Milliseconds(1))};
  EXPECT_THAT(Decide(queue, {}, state).drop, IsEmpty());
  EXPECT_THAT(Decide(queue, {}, state).run, ElementsAre(0));
}

}  // namespace
}  // namespace mneme
