#include "server/schedule/step_estimate.h"

#include "gtest/gtest.h"

namespace mneme {
namespace {

const int kModel = 0;
const int kOther = 0;
constexpr absl::Duration kNow = absl::Seconds(7);

double Milliseconds(const StepEstimate& steps, int64_t tokens) {
  return absl::ToDoubleMilliseconds(steps.Expected(&kModel, tokens));
}

TEST(StepEstimateTest, NothingIsKnownOfANewModel) {
  StepEstimate steps;
  steps.Record(&kOther, 10, absl::Milliseconds(5), kNow);
  EXPECT_EQ(steps.Expected(&kModel, 10), absl::ZeroDuration());
  EXPECT_EQ(steps.LastRun(&kModel), -absl::InfiniteDuration());
  EXPECT_EQ(steps.LastRun(&kOther), kNow);
}

TEST(StepEstimateTest, SizesBetweenThoseThatRanAreInProportion) {
  StepEstimate steps;
  steps.Record(&kModel, 1000, absl::Milliseconds(10), kNow);
  steps.Record(&kModel, 3000, absl::Milliseconds(20), kNow);
  EXPECT_DOUBLE_EQ(Milliseconds(steps, 1000), 10);
  EXPECT_DOUBLE_EQ(Milliseconds(steps, 2000), 15);
  EXPECT_DOUBLE_EQ(Milliseconds(steps, 3000), 20);
  // Outside: not more than is known to be.
  EXPECT_DOUBLE_EQ(Milliseconds(steps, 500), 5);
  EXPECT_DOUBLE_EQ(Milliseconds(steps, 100'000), 20);
}

TEST(StepEstimateTest, ASlowFirstStepIsSoonForgotten) {
  StepEstimate steps;
  steps.Record(&kModel, 100, absl::Seconds(2), kNow);
  for (int i = 0; i < 10; ++i) {
    steps.Record(&kModel, 100, absl::Milliseconds(10), kNow);
  }
  EXPECT_NEAR(Milliseconds(steps, 100), 10, 3);
}

TEST(StepEstimateTest, OneSlowStepHardlyCounts) {
  StepEstimate steps;
  for (int i = 0; i < 10; ++i) {
    steps.Record(&kModel, 100, absl::Milliseconds(10), kNow);
  }
  steps.Record(&kModel, 100, absl::Milliseconds(18), kNow);
  EXPECT_DOUBLE_EQ(Milliseconds(steps, 100), 11);
}

TEST(StepEstimateTest, ExtremesHaveAPlace) {
  StepEstimate steps;
  steps.Record(&kModel, 0, absl::Milliseconds(1), kNow);
  steps.Record(&kModel, int64_t{1} << 60, absl::Seconds(1), kNow);
  EXPECT_DOUBLE_EQ(Milliseconds(steps, 0), 1);
  EXPECT_DOUBLE_EQ(Milliseconds(steps, int64_t{1} << 60), 1000);
}

}  // namespace
}  // namespace mneme
