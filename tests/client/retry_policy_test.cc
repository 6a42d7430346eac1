#include "client/retry_policy.h"

#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace mneme::client {
namespace {

using ::mneme::testing::ErrorStatus;

constexpr absl::Duration kStart = absl::Hours(1);

MATCHER_P(About, least, "") {
  return arg.has_value() && *arg >= least && *arg <= least * 1.2;
}

absl::Status QueueFull(absl::Duration delay) {
  return FromGrpc(ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "full",
                              "QUEUE_FULL", delay));
}

TEST(RetryPolicyTest, UnavailableBacksOffAndStaysBelowTheLargestWait) {
  RetryPolicy policy({});
  absl::Status gone = absl::UnavailableError("gone");
  for (int ms : {100, 200, 400, 800, 1600, 2000, 2000}) {
    EXPECT_THAT(policy.NextDelay(gone, kStart), About(absl::Milliseconds(ms)));
  }
  policy.Progress();
  EXPECT_THAT(policy.NextDelay(gone, kStart), About(absl::Milliseconds(100)));
}

TEST(RetryPolicyTest, GivesUpWhenTheWaitWouldGoBeyondRetryFor) {
  RetryPolicy policy({});
  absl::Status gone = absl::UnavailableError("gone");
  EXPECT_TRUE(policy.NextDelay(gone, kStart).has_value());
  EXPECT_TRUE(policy.NextDelay(gone, kStart + absl::Seconds(29)).has_value());
  EXPECT_FALSE(policy.NextDelay(gone, kStart + absl::Seconds(30)).has_value());
  policy.Progress();
  EXPECT_TRUE(policy.NextDelay(gone, kStart + absl::Seconds(31)).has_value());
}

TEST(RetryPolicyTest, TheServersDelayIsTheLeastWait) {
  RetryPolicy policy({});
  EXPECT_THAT(policy.NextDelay(QueueFull(absl::Milliseconds(5)), kStart),
              About(absl::Milliseconds(5)));
  EXPECT_THAT(policy.NextDelay(QueueFull(absl::Seconds(7)), kStart),
              About(absl::Seconds(7)));
  absl::Status draining = FromGrpc(ErrorStatus(
      grpc::StatusCode::UNAVAILABLE, "", "DRAINING", absl::Seconds(4)));
  EXPECT_THAT(policy.NextDelay(draining, kStart), About(absl::Seconds(4)));
}

TEST(RetryPolicyTest, AConflictIsRetriedOnceBetweenProgress) {
  RetryPolicy policy({});
  absl::Status conflict = absl::AbortedError("elsewhere");
  EXPECT_EQ(policy.NextDelay(conflict, kStart), absl::ZeroDuration());
  EXPECT_FALSE(policy.NextDelay(conflict, kStart).has_value());
  policy.Progress();
  EXPECT_EQ(policy.NextDelay(conflict, kStart), absl::ZeroDuration());
}

TEST(RetryPolicyTest, AnInternalErrorThatNoServerWroteIsALostConnection) {
  RetryPolicy policy({});
  absl::Status reset = absl::InternalError("Received RST_STREAM");
  EXPECT_THAT(policy.NextDelay(reset, kStart), About(absl::Milliseconds(100)));
  EXPECT_THAT(policy.NextDelay(reset, kStart), About(absl::Milliseconds(200)));
  absl::Status written =
      FromGrpc(ErrorStatus(grpc::StatusCode::INTERNAL, "a bug", "INTERNAL"));
  EXPECT_FALSE(policy.NextDelay(written, kStart).has_value());
}

TEST(RetryPolicyTest, OtherErrorsAreFinal) {
  RetryPolicy policy({});
  for (const absl::Status& error :
       {absl::NotFoundError(""), absl::InvalidArgumentError(""),
        absl::FailedPreconditionError(""), absl::DataLossError(""),
        absl::CancelledError(""), absl::ResourceExhaustedError("no delay")}) {
    EXPECT_FALSE(policy.NextDelay(error, kStart).has_value()) << error;
  }
}

TEST(RetryPolicyTest, ZeroRetryForNeverRetries) {
  RetryOptions options;
  options.retry_for = absl::ZeroDuration();
  RetryPolicy policy(options);
  EXPECT_FALSE(
      policy.NextDelay(absl::UnavailableError(""), kStart).has_value());
  EXPECT_FALSE(policy.NextDelay(absl::AbortedError(""), kStart).has_value());
}

}  // namespace
}  // namespace mneme::client
