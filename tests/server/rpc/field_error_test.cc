#include "server/rpc/field_error.h"

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

TEST(FieldErrorTest, IsInvalidArgumentAndBeginsWithTheField) {
  EXPECT_THAT(
      FieldError("at.tail", "too long"),
      StatusIs(absl::StatusCode::kInvalidArgument, "at.tail: too long"));
}

}  // namespace
}  // namespace mneme
