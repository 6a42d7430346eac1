#include "model/train/flag_checks.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(FlagChecksTest, ARefusalNamesFlagValueAndWhatWasExpected) {
  EXPECT_THAT(Refuse("--lr", -1.5, "a number above 0"),
              StatusIs(kInvalid, "--lr -1.5; expected a number above 0"));
}

TEST(FlagChecksTest, AtLeastTakesTheLeastItself) {
  EXPECT_OK(CheckAtLeast("--streams", 1, 1));
  EXPECT_THAT(CheckAtLeast("--streams", 0, 1),
              StatusIs(kInvalid, "--streams 0; expected at least 1"));
  EXPECT_THAT(CheckAtLeast("--memory", -1, 0),
              StatusIs(kInvalid, "--memory -1; expected 0 or more"));
}

TEST(FlagChecksTest, ATextNeedsAPathAChecksumThatIsOneAndSplits) {
  const std::string sum(64, 'A'), longer(65, 'A'), other(64, 'x');
  EXPECT_OK(CheckText("text", "", {0, 0, 0}));
  EXPECT_OK(CheckText("text", sum, {1, 2, 3}));
  EXPECT_THAT(CheckText("", "", {0, 0, 0}),
              StatusIs(kInvalid, HasSubstr("--data \"\"")));
  for (const std::string& bad : {longer, other}) {
    EXPECT_THAT(CheckText("text", bad, {0, 0, 0}),
                StatusIs(kInvalid, HasSubstr("--data-sha256")));
  }
  EXPECT_THAT(CheckText("text", "", {-1, 0, 0}),
              StatusIs(kInvalid, HasSubstr("--train-bytes -1")));
  EXPECT_THAT(CheckText("text", "", {0, -1, 0}),
              StatusIs(kInvalid, HasSubstr("--valid-bytes -1")));
  EXPECT_THAT(CheckText("text", "", {0, 0, -1}),
              StatusIs(kInvalid, HasSubstr("--test-bytes -1")));
}

}  // namespace
}  // namespace mneme
