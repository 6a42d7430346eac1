#include "server/schedule/return_estimate.h"

#include <vector>

#include "gtest/gtest.h"

namespace mneme {
namespace {

const int kModel = 0;
const int kOther = 0;

class ReturnEstimateTest : public ::testing::Test {
 protected:
  // Sessions first..last-1 are answered now, and come back after `away`.
  void Cycle(size_t first, size_t last, absl::Duration away) {
    Answer(first, last);
    now_ += away;
    for (size_t i = first; i < last; ++i) {
      returns_.Returned(&sessions_[i], now_);
    }
  }
  void Answer(size_t first, size_t last) {
    for (size_t i = first; i < last; ++i) {
      returns_.Answered(&kModel, &sessions_[i], now_);
    }
  }
  double ExpectedIn(absl::Duration time) const {
    return returns_.Expected(&kModel, now_, now_ + time);
  }

  std::vector<int> sessions_ = std::vector<int>(1000);
  ReturnEstimate returns_;
  absl::Duration now_ = absl::Seconds(100);
};

TEST_F(ReturnEstimateTest, NobodyIsExpectedWithoutHavingBeenSeen) {
  EXPECT_EQ(ExpectedIn(absl::Seconds(1)), 0);
  Answer(0, 10);
  EXPECT_EQ(ExpectedIn(absl::Seconds(1)), 0);
  EXPECT_EQ(returns_.Chance(&kModel, absl::Seconds(1)), 0);
}

TEST_F(ReturnEstimateTest, SessionsAreExpectedWhenTheyUseToComeBack) {
  for (int i = 0; i < 10; ++i) Cycle(0, 100, absl::Milliseconds(1));
  Answer(0, 100);
  EXPECT_NEAR(ExpectedIn(absl::Microseconds(500)), 0, 1);
  EXPECT_NEAR(ExpectedIn(absl::Microseconds(1300)), 100, 1);
  EXPECT_NEAR(returns_.Chance(&kModel, absl::Microseconds(1300)), 1, 0.01);
}

TEST_F(ReturnEstimateTest, WhoCameBackIsNotExpectedAgain) {
  for (int i = 0; i < 10; ++i) Cycle(0, 100, absl::Milliseconds(1));
  Answer(0, 100);
  for (size_t i = 0; i < 60; ++i) returns_.Returned(&sessions_[i], now_);
  EXPECT_NEAR(ExpectedIn(absl::Milliseconds(2)), 40, 5);
  returns_.Returned(&sessions_[0], now_);  // not away: nothing
  EXPECT_NEAR(ExpectedIn(absl::Milliseconds(2)), 40, 5);
}

TEST_F(ReturnEstimateTest, WhoIsLateIsExpectedLess) {
  for (int i = 0; i < 10; ++i) Cycle(0, 100, absl::Milliseconds(1));
  Answer(0, 100);
  now_ += absl::Milliseconds(20);
  EXPECT_EQ(ExpectedIn(absl::Milliseconds(2)), 0);
}

TEST_F(ReturnEstimateTest, ThinkersAndQuickOnesAreToldApart) {
  for (int i = 0; i < 10; ++i) {
    Cycle(0, 50, absl::Milliseconds(1));
    Cycle(50, 100, absl::Milliseconds(200));
  }
  Answer(0, 100);
  EXPECT_NEAR(ExpectedIn(absl::Milliseconds(2)), 50, 3);
  now_ += absl::Milliseconds(3);
  EXPECT_NEAR(ExpectedIn(absl::Milliseconds(2)), 0, 1);
}

TEST_F(ReturnEstimateTest, WhoNeverComesBackIsLearned) {
  Cycle(0, 10, absl::Milliseconds(1));
  for (int i = 0; i < 10; ++i) {
    Answer(100, 200);
    now_ += absl::Seconds(2);
  }
  Answer(200, 300);
  EXPECT_LT(ExpectedIn(absl::Milliseconds(2)), 5);
}

TEST_F(ReturnEstimateTest, WhatSessionsDoNowCountsMoreThanWhatTheyDid) {
  for (int i = 0; i < 100; ++i) Cycle(0, 100, absl::Milliseconds(1));
  for (int i = 0; i < 100; ++i) Cycle(0, 100, absl::Milliseconds(10));
  Answer(0, 100);
  EXPECT_LT(ExpectedIn(absl::Milliseconds(2)), 30);
  EXPECT_GT(ExpectedIn(absl::Milliseconds(13)), 95);
}

TEST_F(ReturnEstimateTest, ModelsAreApart) {
  Cycle(0, 100, absl::Milliseconds(1));
  Answer(0, 100);
  EXPECT_EQ(returns_.Expected(&kOther, now_, now_ + absl::Milliseconds(2)), 0);
}

TEST_F(ReturnEstimateTest, AnAnswerWithoutAReturnCountsOnce) {
  for (int i = 0; i < 10; ++i) Cycle(0, 100, absl::Milliseconds(1));
  Answer(0, 100);
  Answer(0, 100);
  EXPECT_NEAR(ExpectedIn(absl::Milliseconds(2)), 100, 1);
}

}  // namespace
}  // namespace mneme
