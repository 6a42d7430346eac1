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
  return segment;
}

WaitingSegment Short(int64_t tokens) {
  WaitingSegment segment = Full();
  segment.num_tokens = tokens;
  segment.full = false;
  return segment;
}

TEST(BatchPolicyTest, AnEmptyQueueRunsNothing) {
  const BatchDecision decision = DecideBatch({}, kNow, {});
  EXPECT_THAT(decision.run, IsEmpty());
  EXPECT_THAT(decision.drop, IsEmpty());
}

TEST(BatchPolicyTest, EverythingOfOneModelRunsTogether) {
  const BatchDecision decision =
      DecideBatch({Full(), Full(), Full()}, kNow, {});
  EXPECT_THAT(decision.run, ElementsAre(0, 1, 2));
}

TEST(BatchPolicyTest, TheRowLimitKeepsArrivalOrder) {
  const BatchPolicyOptions options = {.max_rows = 2};
  const BatchDecision decision =
      DecideBatch({Full(), Full(), Full()}, kNow, options);
  EXPECT_THAT(decision.run, ElementsAre(0, 1));
}

TEST(BatchPolicyTest, TheTokenLimitCountsTokensButLetsOneRowPass) {
  BatchPolicyOptions options;
  options.max_tokens = 40;
  EXPECT_THAT(DecideBatch({Full(), Full(), Full()}, kNow, options).run,
              ElementsAre(0, 1));
  options.max_tokens = 1;
  EXPECT_THAT(DecideBatch({Full(), Full()}, kNow, options).run, ElementsAre(0));
}

TEST(BatchPolicyTest, TheOutputLimitCountsBytesButLetsOneRowPass) {
  const BatchPolicyOptions options = {.max_output_bytes = 100};
  std::vector<WaitingSegment> queue(4, Full());
  queue[0].output_bytes = 60;
  queue[1].output_bytes = 40;
  queue[2].output_bytes = 1;
  EXPECT_THAT(DecideBatch(queue, kNow, options).run, ElementsAre(0, 1));
  queue[0].output_bytes = 101;
  EXPECT_THAT(DecideBatch(queue, kNow, options).run, ElementsAre(0));
}

TEST(BatchPolicyTest, TheModelThatWaitedLongestGoesFirstAndAlone) {
  const BatchDecision decision =
      DecideBatch({Full(&kModelB), Full(&kModelA), Full(&kModelB)}, kNow, {});
  EXPECT_THAT(decision.run, ElementsAre(0, 2));
}

TEST(BatchPolicyTest, ShortSegmentsNeverDelayAFullBatch) {
  const BatchPolicyOptions options = {.max_rows = 2};
  EXPECT_THAT(DecideBatch({Full(), Short(3), Full()}, kNow, options).run,
              ElementsAre(0, 2));
}

TEST(BatchPolicyTest, AShortSegmentThatIsOldestIsNotStarved) {
  const BatchPolicyOptions options = {.max_rows = 2};
  EXPECT_THAT(DecideBatch({Short(3), Full(), Full()}, kNow, options).run,
              ElementsAre(0, 1));
}

TEST(BatchPolicyTest, ShortSegmentsFillWhatFullOnesLeave) {
  EXPECT_THAT(DecideBatch({Full(), Short(3)}, kNow, {}).run, ElementsAre(0, 1));
}

TEST(BatchPolicyTest, HopelessWorkIsDroppedAndCostsNoRow) {
  std::vector<WaitingSegment> queue = {Full(), Full(), Full(), Full()};
  queue[0].deadline = kNow;
  queue[1].deadline = kNow + absl::Nanoseconds(1);
  queue[2].cancelled = true;
  const BatchDecision decision = DecideBatch(queue, kNow, {.max_rows = 2});
  EXPECT_THAT(decision.drop, ElementsAre(0, 2));
  EXPECT_THAT(decision.run, ElementsAre(1, 3));
}

}  // namespace
}  // namespace mneme
