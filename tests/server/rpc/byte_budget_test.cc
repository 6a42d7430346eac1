#include "server/rpc/byte_budget.h"

#include <thread>
#include <utility>
#include <vector>

#include "server/base/error_info.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ByteBudgetTest, AChargeLastsAsLongAsItLives) {
  ByteBudget budget(100);
  {
    ASSERT_OK_AND_ASSIGN(const ByteBudget::Charge charge, budget.Take(60));
    EXPECT_EQ(charge.bytes(), 60);
    EXPECT_EQ(budget.used(), 60);
  }
  EXPECT_EQ(budget.used(), 0);
}

TEST(ByteBudgetTest, WhatDoesNotFitIsRefusedWithATimeToRetry) {
  ByteBudget budget(100);
  ASSERT_OK_AND_ASSIGN(const ByteBudget::Charge charge, budget.Take(60));
  EXPECT_OK(budget.Take(40));
  const auto refused = budget.Take(41);
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                AllOf(HasSubstr("41"), HasSubstr("100"))));
  const ErrorInfo info = GetErrorInfo(refused.status());
  EXPECT_EQ(info.reason, "QUEUE_FULL");
  EXPECT_GT(info.retry_after.value_or(absl::ZeroDuration()),
            absl::ZeroDuration());
  EXPECT_EQ(budget.used(), 60);
}

TEST(ByteBudgetTest, AnythingFitsBesideNothing) {
  ByteBudget budget(100);
  ASSERT_OK_AND_ASSIGN(const ByteBudget::Charge charge, budget.Take(1000));
  EXPECT_FALSE(budget.Take(1).ok());
  EXPECT_EQ(budget.used(), 1000);
}

TEST(ByteBudgetTest, AMovedChargeIsGivenBackOnce) {
  ByteBudget budget(100);
  ASSERT_OK_AND_ASSIGN(ByteBudget::Charge first, budget.Take(10));
  ASSERT_OK_AND_ASSIGN(ByteBudget::Charge second, budget.Take(20));
  second = std::move(first);
  EXPECT_EQ(budget.used(), 10);
  const ByteBudget::Charge third = std::move(second);
  EXPECT_EQ(third.bytes(), 10);
  EXPECT_EQ(budget.used(), 10);
}

TEST(ByteBudgetTest, ThreadsLoseNothing) {
  ByteBudget budget(1000);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&budget] {
      for (int i = 0; i < 1000; ++i) EXPECT_OK(budget.Take(i % 200));
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(budget.used(), 0);
}

}  // namespace
}  // namespace mneme
