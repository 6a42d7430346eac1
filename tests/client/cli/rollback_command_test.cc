#include "client/cli/rollback_command.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::testing::HasSubstr;

class RollbackCommandTest : public OneSessionTest {};

TEST_F(RollbackCommandTest, TakesTheSessionBackAndPrintsItsHead) {
  EXPECT_EQ(Run({"rollback", retained_[1]}), 0) << err_.str();
  EXPECT_EQ(out_.str(), retained_[1] + "\n");
  ASSERT_EQ(Run({"sessions", "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["head"], retained_[1]);
}

TEST_F(RollbackCommandTest, OnlyFromTheHeadThatIsExpected) {
  EXPECT_EQ(Run({"rollback", retained_[0], "--expect", retained_[1]}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("ABORTED"));
  EXPECT_EQ(Run({"rollback", retained_[0], "--expect", retained_.back()}), 0)
      << err_.str();
}

TEST_F(RollbackCommandTest, JsonIsAnObject) {
  EXPECT_EQ(Run({"rollback", retained_[0], "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["head"], retained_[0]);
}

TEST_F(RollbackCommandTest, AHandleThatIsNoneIsAUsageError) {
  EXPECT_EQ(Run({"rollback", "p"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("HANDLE"));
  EXPECT_EQ(Run({"rollback"}), 2);
}

TEST_F(RollbackCommandTest, ASessionThatIsNotThereIsAnError) {
  std::string handle = retained_[0];
  handle.replace(0, handle.find('/'), "none");
  EXPECT_EQ(Run({"rollback", handle}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
}

}  // namespace
}  // namespace mneme::cli
