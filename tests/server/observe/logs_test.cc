#include "server/observe/logs.h"

#include <spdlog/spdlog.h>

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

class LogsTest : public ::testing::Test {
 protected:
  ~LogsTest() override { spdlog::set_default_logger(before_); }

  const std::shared_ptr<spdlog::logger> before_ = spdlog::default_logger();
};

TEST_F(LogsTest, WritesFromItsLevelUpToStderr) {
  ASSERT_OK(SetUpLogs("warning"));
  testing::internal::CaptureStderr();
  spdlog::info("quiet");
  spdlog::warn("loud {}", 1);
  const std::string lines = testing::internal::GetCapturedStderr();
  EXPECT_THAT(lines, HasSubstr("loud 1\n"));
  EXPECT_THAT(lines, testing::Not(HasSubstr("quiet")));
}

TEST_F(LogsTest, TakesEachLevelItNames) {
  for (const std::string& level : LogLevels()) EXPECT_OK(SetUpLogs(level));
}

TEST_F(LogsTest, RefusesOthers) {
  EXPECT_THAT(SetUpLogs("chatty"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       testing::AllOf(HasSubstr("chatty"), HasSubstr("info"))));
}

}  // namespace
}  // namespace mneme
