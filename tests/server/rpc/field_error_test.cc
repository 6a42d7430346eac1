#include "server/rpc/field_error.h"

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

TEST(FieldErrorTest, IsInvalidArgumentAndBeginsWithTheField) {
  EXPECT_THAT(
      FieldError("at.tail", "too long"),
      StatusIs(absl::StatusCode::kInvalidArgument, "at.tail: too long"));
}

TEST(FieldErrorTest, QuotesWhatCanBePrinted) {
  EXPECT_EQ(Quoted("abc"), "'abc'");
  EXPECT_EQ(Quoted(absl::string_view("a\0\n", 3)), "'a\\x00\\n'");
}

TEST(FieldErrorTest, QuotesNoMoreThanIsUseful) {
  const std::string quoted = Quoted(std::string(100'000, 'a'));
  EXPECT_LT(quoted.size(), 120);
  EXPECT_THAT(quoted, ::testing::HasSubstr("100000 bytes"));
}

}  // namespace
}  // namespace mneme
