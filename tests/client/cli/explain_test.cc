#include "client/cli/explain.h"

#include "client/error.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/fake_server.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::ErrorStatus;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(ExplainTest, AnErrorOfOurOwnIsItsTextAndThenItsCode) {
  EXPECT_EQ(Explain(absl::NotFoundError("a.txt: no such file"), "h:1"),
            "a.txt: no such file (NOT_FOUND)");
}

TEST(ExplainTest, AServersErrorHasItsReasonAndWhereTheSessionIs) {
  const absl::Status error = client::FromGrpc(
      ErrorStatus(grpc::StatusCode::ABORTED, "elsewhere", "VERSION_CONFLICT",
                  {}, {{"head", "7"}, {"tail", "2"}}));
  EXPECT_EQ(Explain(error, "h:1"),
            "elsewhere (ABORTED VERSION_CONFLICT; head 7; tail 2)\n"
            "The session is not where the handle says: somebody else wrote to "
            "it, or it was rolled back. `mneme inspect SESSION` shows it.");
}

TEST(ExplainTest, ReasonsThatRepeatTheCodeAreSaidOnce) {
  const absl::Status error = client::FromGrpc(
      ErrorStatus(grpc::StatusCode::DATA_LOSS, "checksum", "DATA_LOSS"));
  EXPECT_EQ(Explain(error, "h:1"), "checksum (DATA_LOSS)");
}

TEST(ExplainTest, WhereNoServerAnswersTheAddressAndWhatToDoAreNamed) {
  EXPECT_THAT(Explain(absl::UnavailableError("refused"), "h:1"),
              AllOf(HasSubstr("no Mneme server answers at h:1 (refused)"),
                    HasSubstr("mnemed --model DIR --listen h:1"),
                    HasSubstr("--server or MNEME_SERVER")));
  EXPECT_THAT(Explain(absl::DeadlineExceededError("late"), "h:1"),
              AllOf(HasSubstr("late"), HasSubstr("at h:1 did not answer")));
  EXPECT_THAT(Explain(absl::UnimplementedError(""), "h:1"),
              HasSubstr("at h:1 is no Mneme server"));
}

TEST(ExplainTest, ADrainingServerIsNoMissingServer) {
  const absl::Status error = client::FromGrpc(
      ErrorStatus(grpc::StatusCode::UNAVAILABLE, "shutting down", "DRAINING"));
  EXPECT_EQ(Explain(error, "h:1"), "shutting down (UNAVAILABLE DRAINING)");
}

}  // namespace
}  // namespace mneme::cli
