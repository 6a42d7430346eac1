#include "model/checkpoint/durable_file.h"

#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TEST(DurableFileTest, ReplacesTheWholeFileAndLeavesNothingElse) {
  const TempFolder folder;
  ASSERT_OK(WriteDurably(folder.File("f"), "a longer text"));
  ASSERT_OK(WriteDurably(folder.File("f"), "short"));
  EXPECT_EQ(folder.Read("f"), "short");
  EXPECT_FALSE(std::filesystem::exists(folder.File("f.partial")));
  EXPECT_OK(SyncFolder(folder.File("")));
}

TEST(DurableFileTest, ErrorsNameThePath) {
  EXPECT_THAT(WriteDurably("/no/such/f", "x"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such/f")));
  EXPECT_THAT(SyncFolder("/no/such"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such")));
}

TEST(DurableFileTest, AFileThatCannotTakeItsNameLeavesNothing) {
  const TempFolder folder;
  std::filesystem::create_directory(folder.File("f"));
  EXPECT_FALSE(WriteDurably(folder.File("f"), "x").ok());
  EXPECT_FALSE(std::filesystem::exists(folder.File("f.partial")));
}

}  // namespace
}  // namespace mneme
