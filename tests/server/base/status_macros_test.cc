#include "server/base/status_macros.h"

#include <memory>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::Not;

absl::StatusOr<int> Positive(int value) {
  if (value > 0) return value;
  return absl::InvalidArgumentError("value: expected > 0");
}

absl::Status Check(int value, bool* reached_end) {
  RETURN_IF_ERROR(Positive(value).status());
  *reached_end = true;
  return absl::OkStatus();
}

absl::StatusOr<int> Sum(int a, int b) {
  ASSIGN_OR_RETURN(const int x, Positive(a));
  ASSIGN_OR_RETURN(const int y, Positive(b));
  return x + y;
}

absl::StatusOr<std::unique_ptr<int>> Boxed(int value) {
  ASSIGN_OR_RETURN(auto box, absl::StatusOr<std::unique_ptr<int>>(
                                 std::make_unique<int>(value)));
  return box;
}

TEST(ReturnIfErrorTest, ReturnsTheErrorAndStops) {
  bool reached_end = false;
  EXPECT_THAT(Check(0, &reached_end),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("value")));
  EXPECT_FALSE(reached_end);
}

TEST(ReturnIfErrorTest, GoesOnWhenOk) {
  bool reached_end = false;
  EXPECT_OK(Check(1, &reached_end));
  EXPECT_TRUE(reached_end);
}

TEST(AssignOrReturnTest, AssignsOrReturns) {
  EXPECT_THAT(Sum(2, 3), IsOkAndHolds(5));
  EXPECT_THAT(Sum(2, 3), IsOkAndHolds(Gt(4)));
  EXPECT_THAT(Sum(2, -3), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Sum(-2, 3), Not(IsOk()));
}

TEST(AssignOrReturnTest, MovesWhatCannotBeCopied) {
  ASSERT_OK_AND_ASSIGN(const std::unique_ptr<int> box, Boxed(4));
  EXPECT_EQ(*box, 4);
}

TEST(StatusMatchersTest, TellACodeFromAMessage) {
  const absl::Status status = absl::NotFoundError("session 7");
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(status, Not(StatusIs(absl::StatusCode::kAborted)));
  EXPECT_THAT(status, Not(StatusIs(absl::StatusCode::kNotFound, "session 8")));
  EXPECT_THAT(Sum(1, 1), Not(IsOkAndHolds(3)));
  EXPECT_THAT(Sum(0, 1), Not(IsOkAndHolds(1)));
}

}  // namespace
}  // namespace mneme
