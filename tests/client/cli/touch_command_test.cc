#include "client/cli/touch_command.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class TouchCommandTest : public OneSessionTest {};

TEST_F(TouchCommandTest, PinsAndUnpinsAndPrintsWhatIsPinned) {
  EXPECT_EQ(Run({"pin", retained_[4], retained_[2]}), 0) << err_.str();
  EXPECT_THAT(Lines(), ElementsAre(retained_[2], retained_[4]));
  EXPECT_EQ(Run({"unpin", retained_[4]}), 0) << err_.str();
  EXPECT_THAT(Lines(), ElementsAre(retained_[2]));
  ASSERT_EQ(Run({"sessions", "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["pinned"], nlohmann::json({retained_[2]}));
  EXPECT_EQ(Run({"unpin", retained_[2], "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["session"], "p-0");
  EXPECT_EQ(Json()["pinned"], nlohmann::json::array());
}

TEST_F(TouchCommandTest, APinnedValueStaysWhileTheSessionGoesOn) {
  testing::FakeServer::Options options;
  options.retained = 6;
  StartServer(options);
  ASSERT_EQ(OpenP(), retained_);
  ASSERT_EQ(Run({"pin", retained_[0]}), 0) << err_.str();
  for (int message = 0; message < 3; ++message) {
    server_->WriteAsSomebodyElse("p-0", std::string(64, 'x'));
  }
  EXPECT_EQ(Run({"fork", retained_[0], "--as", "q"}), 0) << err_.str();
  EXPECT_EQ(Run({"fork", retained_[1], "--as", "r"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("NOT_RETAINED"));
}

TEST_F(TouchCommandTest, HandlesOfASessionAreOneCall) {
  ASSERT_EQ(Run({"fork", "p-0", "--as", "q"}), 0) << err_.str();
  const std::string head = Lines()[0];
  const size_t calls = server_->session_metadata().size();
  EXPECT_EQ(Run({"pin", retained_[3], head, retained_[1], "--json"}), 0)
      << err_.str();
  EXPECT_EQ(Lines().size(), 2u);
  EXPECT_EQ(Json()["pinned"], nlohmann::json({head}));
  EXPECT_EQ(server_->session_metadata().size(), calls + 2);
}

TEST_F(TouchCommandTest, AValueThatCannotBePinnedIsAnErrorOfItsSession) {
  std::string other = retained_[3];
  other.back() = other.back() == '0' ? '1' : '0';
  EXPECT_EQ(Run({"pin", retained_[1], other}), 1);
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr("session p-0: "), HasSubstr("VERSION_CONFLICT"),
                    HasSubstr("pinned values of 0 of 1 session")));
  ASSERT_EQ(Run({"sessions", "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["pinned"], nlohmann::json::array());
}

TEST_F(TouchCommandTest, TouchPrintsTheHeadOfEach) {
  ASSERT_EQ(Run({"fork", "p-0", "--as", "q"}), 0) << err_.str();
  EXPECT_EQ(Run({"touch", "q", "gone", "p-0"}), 1);
  EXPECT_THAT(Lines(), ElementsAre(StartsWith("q/6/"), retained_.back()));
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("session gone: "),
                                HasSubstr("touched 2 of 3 sessions")));
  EXPECT_EQ(Run({"touch", "q", "--json"}), 0) << err_.str();
  EXPECT_THAT(Json()["head"].get<std::string>(), StartsWith("q/6/"));
}

TEST_F(TouchCommandTest, TtlsAreChangedAndShown) {
  EXPECT_EQ(Run({"touch", "p-0", "--idle-ttl", "90m", "--max-age", "24h"}), 0)
      << err_.str();
  EXPECT_EQ(Run({"inspect", "p-0", "--json"}), 0) << err_.str();
  EXPECT_EQ(Json()["idle_ttl"], "1h30m");
  EXPECT_EQ(Json()["max_age"], "24h");
  EXPECT_EQ(Json()["expires"], "1970-01-01T01:30:00+00:00");
  for (const char* ttl : {"0s", "-1h", "3", "soon"}) {
    EXPECT_EQ(Run({"touch", "p-0", "--idle-ttl", ttl}), 2);
    EXPECT_THAT(err_.str(), HasSubstr("expected a time above 0"));
  }
}

TEST_F(TouchCommandTest, WrongArgumentsAreUsageErrors) {
  for (const char* command : {"pin", "unpin"}) {
    EXPECT_EQ(Run({command}), 2);
    EXPECT_THAT(err_.str(), HasSubstr("HANDLE"));
    EXPECT_EQ(Run({command, "p-0"}), 2);
    EXPECT_THAT(err_.str(), HasSubstr("three parts"));
  }
  EXPECT_EQ(Run({"touch"}), 2);
  EXPECT_THAT(err_.str(), HasSubstr("SESSION"));
  EXPECT_THAT(out_.str(), IsEmpty());
}

}  // namespace
}  // namespace mneme::cli
