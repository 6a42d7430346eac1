#include "server/base/kill_point.h"

#include <csignal>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::KilledBySignal;

class KillPointTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!HasKillPoints()) GTEST_SKIP() << "not in this build";
  }
};

void ArmAndPass(const std::string& spec, int passes) {
  if (!ArmKillPoint(spec).ok()) std::_Exit(3);
  for (int i = 0; i < passes; ++i) {
    KillPoint("before_reply");
    KillPoint("after_step");
  }
  std::_Exit(0);
}

TEST_F(KillPointTest, TheProcessDiesAtTheNthPassOfTheArmedPoint) {
  EXPECT_EXIT(ArmAndPass("after_step:3", 2), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(ArmAndPass("after_step:3", 3), KilledBySignal(SIGKILL), "");
  EXPECT_EXIT(ArmAndPass("before_reply:1", 1), KilledBySignal(SIGKILL), "");
}

TEST_F(KillPointTest, OtherPointsDoNotCount) {
  EXPECT_EXIT(ArmAndPass("before_group_write:1", 9),
              ::testing::ExitedWithCode(0), "");
}

TEST_F(KillPointTest, EveryNameCanBeArmed) {
  for (const absl::string_view name : kKillPoints) {
    EXPECT_THAT(ArmKillPoint(absl::StrCat(name, ":1000000")), IsOk());
  }
  kill_point_internal::armed = -1;
}

TEST_F(KillPointTest, AnythingElseIsRefusedWithWhatIsExpected) {
  for (const std::string spec :
       {"after_step", "after_step:", "after_step:0", "after_step:-1",
        "after_step:1:2", "after_step:x", ":1", "after_lunch:1", " "}) {
    EXPECT_THAT(ArmKillPoint(spec),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("MNEME_KILL_POINT"), HasSubstr(spec),
                               HasSubstr("after_step, before_group_write"))));
  }
  EXPECT_EQ(kill_point_internal::armed, -1);
}

TEST(KillPointsOffTest, ABuildWithoutThemRefusesToArm) {
  if (HasKillPoints()) GTEST_SKIP() << "this build has them";
  EXPECT_THAT(
      ArmKillPoint("after_step:1"),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("MNEME_KILL_POINTS")));
}

}  // namespace
}  // namespace mneme
