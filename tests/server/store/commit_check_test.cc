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
  const Commit commit = StepCommit(Session("s"), 1);
  EXPECT_THAT(CheckCommit(commit, StoredHead{HeadOf(Session("s"), 0),
                                             Durability::kAsync}),
              IsOk());
}

TEST(CommitCheckTest, NamesBothHeadsOfAConflict) {
  const Commit commit = StepCommit(Session("s"), 1);
  const Digest other = DigestOf("another");
  EXPECT_THAT(CheckCommit(commit, StoredHead{other, Durability::kSync}),
              StatusIs(absl::StatusCode::kAborted,
                       ::testing::AllOf(
                           HasSubstr(absl::BytesToHexString(AsBytes(other))),
                           HasSubstr(absl::BytesToHexString(
                               AsBytes(HeadOf(Session("s"), 0)))))));
}

TEST(CommitCheckTest, DescribesKeysWithUnprintableBytesEscaped) {
  EXPECT_EQ(Describe(SessionKey{"t", std::string("a\0z", 3)}),
            "session 'a\\x00z' of tenant 't'");
  EXPECT_EQ(Describe(ObjectKey{{"t", "s"}, "value/0"}),
            "object 'value/0' of session 's' of tenant 't'");
}

}  // namespace
}  // namespace mneme
