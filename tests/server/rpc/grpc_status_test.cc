#include "server/rpc/grpc_status.h"

#include "server/base/error_info.h"
#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::IsEmpty;
using ::testing::Pair;

TEST(GrpcStatusTest, OkIsOk) {
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(GrpcStatusTest, EveryCodeKeepsItsNumberAndText) {
  for (int code = 1; code <= 16; ++code) {
    const grpc::Status status =
        ToGrpcStatus(absl::Status(static_cast<absl::StatusCode>(code), "why"));
    EXPECT_EQ(static_cast<int>(status.error_code()), code);
    EXPECT_EQ(status.error_message(), "why");
    if (status.error_code() == grpc::StatusCode::INTERNAL) continue;
    EXPECT_THAT(status.error_details(), IsEmpty());
  }
}

TEST(GrpcStatusTest, AnInternalErrorIsToldFromThoseOfProxies) {
  const CallError error = ErrorOf(ToGrpcStatus(absl::InternalError("a bug")));
  EXPECT_EQ(error.code, grpc::StatusCode::INTERNAL);
  EXPECT_EQ(error.reason, "INTERNAL");
}

TEST(GrpcStatusTest, CarriesReasonMetadataAndRetryDelay) {
  ErrorInfo info;
  info.reason = "QUEUE_FULL";
  info.metadata["limit"] = "16";
  info.retry_after = absl::Milliseconds(1250);
  const CallError error = ErrorOf(ToGrpcStatus(
      MakeError(absl::StatusCode::kResourceExhausted, "full", info)));
  EXPECT_EQ(error.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.message, "full");
  EXPECT_EQ(error.reason, "QUEUE_FULL");
  EXPECT_EQ(error.domain, "mneme.v1");
  EXPECT_THAT(error.metadata, ElementsAre(Pair("limit", "16")));
  EXPECT_DOUBLE_EQ(error.retry_seconds, 1.25);
}

TEST(GrpcStatusTest, ATextTooLongForTheWireIsCut) {
  const CallError error = ErrorOf(ToGrpcStatus(MakeError(
      absl::StatusCode::kAborted, "REASON", std::string(100'000, 'x'))));
  EXPECT_LT(error.message.size(), 1100);
  EXPECT_THAT(error.message, EndsWith("xx... (100000 bytes)"));
  EXPECT_EQ(error.reason, "REASON");
}

TEST(GrpcStatusTest, AReasonAloneHasNoRetryDelay) {
  const CallError error = ErrorOf(ToGrpcStatus(
      MakeError(absl::StatusCode::kFailedPrecondition, "CLOSING", "closing")));
  EXPECT_EQ(error.reason, "CLOSING");
  EXPECT_EQ(error.retry_seconds, -1);
}

}  // namespace
}  // namespace mneme
