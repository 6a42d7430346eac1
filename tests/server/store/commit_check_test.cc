#include "server/store/commit_check.h"

#include "absl/strings/escaping.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TEST(CommitCheckTest, AcceptsTheExpectedHead) {
  const StoredRecord stored =
      StepCommit(Session("s"), 0, Durability::kAsync).record;
  EXPECT_THAT(CheckCommit(StepCommit(Session("s"), 1), stored, std::nullopt),
              IsOk());
}

TEST(CommitCheckTest, NamesBothHeadsOfAConflict) {
  StoredRecord stored = StepCommit(Session("s"), 0).record;
  stored.head = DigestOf("another");
  EXPECT_THAT(
      CheckCommit(StepCommit(Session("s"), 1), stored, std::nullopt),
      StatusIs(absl::StatusCode::kAborted,
               ::testing::AllOf(
                   HasSubstr(absl::BytesToHexString(AsBytes(stored.head))),
                   HasSubstr(absl::BytesToHexString(
                       AsBytes(HeadOf(Session("s"), 0)))))));
}

TEST(CommitCheckTest, DescribesKeysWithUnprintableBytesEscaped) {
  const SessionKey session = {"t", std::string("a\0z", 3)};
  EXPECT_EQ(Describe(session), "session 'a\\x00z' of tenant 't'");
  EXPECT_EQ(Describe(ReplyKey{session, 4}),
            "the reply of step 4 of session 'a\\x00z' of tenant 't'");
}

}  // namespace
}  // namespace mneme
