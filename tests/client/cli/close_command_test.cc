#include "client/cli/close_command.h"

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class CloseCommandTest : public CliTest {
 protected:
  // Opens p-0, p-1 and p-2.
  void SetUp() override {
    StartServer();
    ASSERT_EQ(Run({"stream", folder_.Write("text", kText), "--session", "p",
                   "--sessions", "3", "--keep"}),
              0)
        << err_.str();
  }
};

TEST_F(CloseCommandTest, ClosesEachAndPrintsItsLastHandle) {
  EXPECT_EQ(Run({"close", "p-0", "p-2"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), AllOf(StartsWith("p-0/2/"), HasSubstr("\np-2/2/")));
  EXPECT_THAT(err_.str(), IsEmpty());
  EXPECT_EQ(server_->session_count(), 1u);
}

TEST_F(CloseCommandTest, ErasesWhenAsked) {
  EXPECT_EQ(Run({"close", "p-0"}), 0) << err_.str();
  EXPECT_THAT(server_->erased(), IsEmpty());
  EXPECT_EQ(Run({"close", "--erase", "p-1"}), 0) << err_.str();
  EXPECT_THAT(out_.str(), StartsWith("p-1/2/"));
  EXPECT_THAT(server_->erased(), ElementsAre("p-1"));
}

TEST_F(CloseCommandTest, JsonIsAnObjectForEach) {
  EXPECT_EQ(Run({"close", "p-0", "p-1", "--json"}), 0) << err_.str();
  const std::string out = out_.str();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
  EXPECT_EQ(Json()["session"], "p-1");
  EXPECT_THAT(Json()["last"].get<std::string>(), StartsWith("p-1/2/"));
}

TEST_F(CloseCommandTest, GoesOnAfterOneThatFailsAndEndsWithAnError) {
  EXPECT_EQ(Run({"close", "p-0", "gone", "p-1"}), 1);
  EXPECT_THAT(out_.str(), AllOf(HasSubstr("p-0/"), HasSubstr("p-1/"),
                                Not(HasSubstr("gone"))));
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr("mneme: session gone: "), HasSubstr("NOT_FOUND"),
                    HasSubstr("closed 2 of 3 sessions")));
  EXPECT_EQ(server_->session_count(), 1u);
}

TEST_F(CloseCommandTest, AnInterruptLeavesTheRestOpen) {
  interrupted_ = true;
  EXPECT_EQ(Run({"close", "p-0", "p-1"}), 130);
  EXPECT_THAT(err_.str(), HasSubstr("before session p-0"));
  EXPECT_EQ(server_->session_count(), 3u);
}

}  // namespace
}  // namespace mneme::cli
