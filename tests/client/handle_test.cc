#include "client/handle.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {
namespace {

using ::testing::HasSubstr;

const MemoryHandle kHandle{"session-1", 42, std::string(32, '\xab')};

TEST(MemoryHandleTest, TextIsSessionStepHex) {
  std::string hex;
  for (int i = 0; i < 32; ++i) absl::StrAppend(&hex, "ab");
  EXPECT_EQ(ToString(kHandle), absl::StrCat("session-1/42/", hex));
}

TEST(MemoryHandleTest, ParsesWhatItPrints) {
  EXPECT_THAT(ParseMemoryHandle(ToString(kHandle)), IsOkAndHolds(kHandle));
}

TEST(MemoryHandleTest, SaysWhatIsWrongWithAText) {
  const struct {
    std::string text;
    const char* message;
  } kCases[] = {
      {"", "three parts"},
      {"a/1", "three parts"},
      {absl::StrCat("/1/", std::string(64, '0')), "session is empty"},
      {absl::StrCat("a/x/", std::string(64, '0')), "step is not a number"},
      {absl::StrCat("a/-1/", std::string(64, '0')), "step is not a number"},
      {"a/1/abcd", "64 hex digits"},
      {absl::StrCat("a/1/", std::string(64, 'g')), "64 hex digits"},
  };
  for (const auto& c : kCases) {
    EXPECT_THAT(
        ParseMemoryHandle(c.text),
        StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(c.message)))
        << c.text;
  }
}

}  // namespace
}  // namespace mneme::client
