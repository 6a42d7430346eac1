#include "client/error.h"

#include <grpcpp/support/status.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {
namespace {

using ::mneme::testing::ErrorStatus;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(ErrorTest, OkStaysOk) { EXPECT_THAT(FromGrpc(grpc::Status::OK), IsOk()); }

TEST(ErrorTest, CodeTextAndDetailsSurvive) {
  absl::Status status = FromGrpc(
      ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "the queue is full",
                  "QUEUE_FULL", absl::Milliseconds(1250), {{"limit", "16"}}));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kResourceExhausted,
                               "the queue is full"));
  ErrorDetails details = DetailsOf(status);
  EXPECT_EQ(details.reason, "QUEUE_FULL");
  EXPECT_THAT(details.metadata, ElementsAre(Pair("limit", "16")));
  EXPECT_EQ(details.retry_delay, absl::Milliseconds(1250));
}

TEST(ErrorTest, AStatusWithoutDetailsHasEmptyOnes) {
  absl::Status status =
      FromGrpc(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable, "gone"));
  EXPECT_EQ(DetailsOf(status).reason, "");
  EXPECT_THAT(DetailsOf(status).metadata, IsEmpty());
  EXPECT_FALSE(DetailsOf(status).retry_delay.has_value());
  EXPECT_EQ(DetailsOf(absl::OkStatus()).reason, "");
}

TEST(ErrorTest, BrokenDetailsAreNoDetails) {
  absl::Status status = FromGrpc(grpc::Status(grpc::StatusCode::ABORTED, "text",
                                              "\xff\xff\xff not proto"));
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, "text"));
  EXPECT_EQ(DetailsOf(status).reason, "");
}

}  // namespace
}  // namespace mneme::client
