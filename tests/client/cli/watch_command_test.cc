#include "client/cli/watch_command.h"

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::ErrorStatus;
using ::testing::HasSubstr;
using ::testing::StartsWith;

class WatchCommandTest : public CliTest {
 protected:
  // Of a server that tells of two ends and then stops.
  static testing::FakeServer::Options TwoEvents() {
    testing::FakeServer::Options options;
    for (const char* id : {"a", "b"}) {
      v1::SessionEvent event;
      event.set_kind(v1::SessionEvent::CLOSED);
      event.set_session_id(id);
      event.mutable_last()->set_session_id(id);
      event.mutable_time()->set_seconds(1'000'000'000);
      options.events.push_back(event);
    }
    options.events[1].set_kind(v1::SessionEvent::EXPIRED);
    options.events[1].set_reason("max_age");
    options.watch_end = ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                    "slow", "WATCH_TOO_SLOW");
    return options;
  }
};

TEST_F(WatchCommandTest, PrintsALineForEachEndAndWhyItStopped) {
  StartServer(TwoEvents());
  EXPECT_EQ(Run({"watch"}), 1);
  EXPECT_THAT(out_.str(), StartsWith("2001-09-09T01:46:40+00:00 closed a/0"));
  EXPECT_THAT(out_.str(), HasSubstr("\n2001-09-09T01:46:40+00:00 expired b/0"));
  EXPECT_THAT(out_.str(), HasSubstr("(max_age)\n"));
  EXPECT_THAT(err_.str(), HasSubstr("WATCH_TOO_SLOW"));
}

TEST_F(WatchCommandTest, JsonIsAnObjectForEachEventReadyToo) {
  StartServer(TwoEvents());
  EXPECT_EQ(Run({"watch", "b", "--json"}), 1);
  const std::string out = out_.str();
  EXPECT_EQ(std::count(out.begin(), out.end(), '\n'), 2);
  EXPECT_THAT(out, HasSubstr(R"({"event":"ready",)"));
  EXPECT_EQ(Json()["event"], "expired");
  EXPECT_EQ(Json()["session"], "b");
  EXPECT_EQ(Json()["reason"], "max_age");
  EXPECT_THAT(Json()["last"].get<std::string>(), StartsWith("b/0"));
}

TEST_F(WatchCommandTest, GoesOnUntilItIsInterrupted) {
  StartServer();
  interrupted_ = true;
  EXPECT_EQ(Run({"watch"}), 130);
}

}  // namespace
}  // namespace mneme::cli
