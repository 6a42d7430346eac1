#include "server/base/quoted.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

TEST(QuotedTest, QuotesWhatCanBePrinted) {
  EXPECT_EQ(Quoted("abc"), "'abc'");
  EXPECT_EQ(Quoted(absl::string_view("a\0\n", 3)), "'a\\x00\\n'");
}

TEST(QuotedTest, QuotesNoMoreThanIsUseful) {
  const std::string quoted = Quoted(std::string(100'000, 'a'));
  EXPECT_LT(quoted.size(), 120);
  EXPECT_THAT(quoted, ::testing::HasSubstr("100000 bytes"));
}

}  // namespace
}  // namespace mneme
