#include "client/cli/fork_command.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class ForkCommandTest : public OneSessionTest {};

TEST_F(ForkCommandTest, ASessionIsForkedFromItsHead) {
  EXPECT_EQ(Run({"fork", "p-0", "--as", "q"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), StartsWith("q/6/"));
  EXPECT_EQ(server_->TextOf("q"), kText);
}

TEST_F(ForkCommandTest, AHandleIsForkedFromItsValue) {
  EXPECT_EQ(Run({"fork", retained_[2], "--as", "q", "--json"}), 0)
      << err_.str();
  EXPECT_EQ(Json()["session"], "q");
  // The same lineage, in another session.
  EXPECT_EQ(Json()["head"], "q" + retained_[2].substr(3));
  EXPECT_EQ(server_->TextOf("q"), std::string(kText).substr(0, 16));
}

TEST_F(ForkCommandTest, TheIdIsDrawnUnlessGiven) {
  EXPECT_EQ(Run({"fork", "p-0", "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["session"].get<std::string>().size(), 32u);
  EXPECT_EQ(server_->session_count(), 2u);
}

TEST_F(ForkCommandTest, WithATextItCanBeGoneOnWith) {
  const std::string text = folder_.Write("other", "another text that is long");
  const std::string handles = folder_.File("handles");
  ASSERT_EQ(Run({"fork", retained_[1], "--as", "q", "--text", text, "--handles",
                 handles}),
            0)
      << err_.str();
  ASSERT_EQ(Run({"stream", "--resume", handles}), 0) << err_.str();
  EXPECT_EQ(server_->TextOf("q"), "The quicanother text that is long");
  EXPECT_EQ(server_->TextOf("p-0"), kText);
}

TEST_F(ForkCommandTest, FilesAreLookedAtBeforeTheSessionIsMade) {
  const std::string text = folder_.File("text");
  EXPECT_EQ(Run({"fork", "p-0", "--as", "q", "--text", folder_.File("none"),
                 "--handles", folder_.File("h")}),
            1);
  EXPECT_THAT(err_.str(), HasSubstr("no such file"));
  EXPECT_EQ(Run({"fork", "p-0", "--as", "q", "--text", text, "--handles",
                 "/no/such/folder/h"}),
            1);
  EXPECT_THAT(err_.str(), HasSubstr("/no/such/folder/h: cannot be written"));
  EXPECT_EQ(
      Run({"fork", "p-0", "--as", "q", "--text", text, "--handles", text}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("expected a file of its own"));
  EXPECT_EQ(server_->session_count(), 1u);
}

TEST_F(ForkCommandTest, ErrorsOfTheServerAreExplained) {
  EXPECT_EQ(Run({"fork", "p-0", "--as", "p-0"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("ALREADY_EXISTS"));
  EXPECT_EQ(Run({"fork", "none"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_FOUND"));
  EXPECT_THAT(out_.str(), IsEmpty());
}

TEST_F(ForkCommandTest, WrongArgumentsAreUsageErrors) {
  EXPECT_EQ(Run({"fork"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("SESSION|HANDLE"));
  EXPECT_EQ(Run({"fork", "p-0/3"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("three parts"));
  EXPECT_EQ(Run({"fork", "p-0", "--text", "t"}), 2);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--text"), HasSubstr("--handles")));
}

}  // namespace
}  // namespace mneme::cli
