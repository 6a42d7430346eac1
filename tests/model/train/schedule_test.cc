#include "model/train/schedule.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TEST(LearningRateTest, RisesThenFallsAsACosine) {
  const LearningRate rate{2.0, 0.1, 0.05};
  EXPECT_DOUBLE_EQ(rate.At(0.0), 0.0);
  EXPECT_DOUBLE_EQ(rate.At(0.05), 1.0);
  EXPECT_DOUBLE_EQ(rate.At(0.1), 2.0);
  EXPECT_NEAR(rate.At(0.55), 2.0 * (0.05 + 0.95 * 0.5), 1e-12);
  EXPECT_NEAR(rate.At(1.0), 0.1, 1e-12);
}

TEST(LearningRateTest, StaysAtTheEndsOutsideTheRun) {
  const LearningRate rate{1.0, 0.1, 0.5};
  EXPECT_DOUBLE_EQ(rate.At(-1.0), 0.0);
  EXPECT_NEAR(rate.At(2.0), 0.5, 1e-12);
}

TEST(LearningRateTest, WithoutWarmUpStartsAtThePeak) {
  EXPECT_DOUBLE_EQ((LearningRate{3.0, 0.0, 0.0}.At(0.0)), 3.0);
}

TEST(BpttScheduleTest, ANumberHoldsForTheWholeRun) {
  ASSERT_OK_AND_ASSIGN(const BpttSchedule schedule, BpttSchedule::Parse("4"));
  EXPECT_EQ(schedule.At(0.0), 4);
  EXPECT_EQ(schedule.At(1.0), 4);
  EXPECT_EQ(schedule.max_segments(), 4);
}

TEST(BpttScheduleTest, ACurriculumChangesAtItsShares) {
  ASSERT_OK_AND_ASSIGN(const BpttSchedule schedule,
                       BpttSchedule::Parse("2:0.25,8:0.25,4:0.5"));
  EXPECT_EQ(schedule.At(0.0), 2);
  EXPECT_EQ(schedule.At(0.2499), 2);
  EXPECT_EQ(schedule.At(0.25), 8);
  EXPECT_EQ(schedule.At(0.5), 4);
  EXPECT_EQ(schedule.At(1.5), 4);
  EXPECT_EQ(schedule.max_segments(), 8);
}

TEST(BpttScheduleTest, RefusesWhatIsNoSchedule) {
  for (const char* text : {"", "0", "x", "2:", "2:0", "2:-1,4:2", "2,,4"}) {
    EXPECT_THAT(
        BpttSchedule::Parse(text),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--bptt")))
        << text;
  }
}

TEST(BpttScheduleTest, RefusesSharesThatAreNotAWhole) {
  EXPECT_THAT(
      BpttSchedule::Parse("2:0.3,4:0.3"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("add up to 0.6")));
}

}  // namespace
}  // namespace mneme
