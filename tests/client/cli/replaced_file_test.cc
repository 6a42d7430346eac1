#include "client/cli/replaced_file.h"

#include <filesystem>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::testing::HasSubstr;

TEST(ReplacedFileTest, AppearsWhenItIsCommitted) {
  TempFolder folder;
  const std::string path = folder.Write("f", "old");
  {
    ASSERT_OK_AND_ASSIGN(const auto file, ReplacedFile::Create(path));
    EXPECT_THAT(file->Write("ne"), IsOk());
    EXPECT_THAT(file->Write("w"), IsOk());
    EXPECT_EQ(TempFolder::ReadFile(path), "old");
    EXPECT_EQ(TempFolder::ReadFile(file->temporary()), "new");
    EXPECT_THAT(file->Commit(), IsOk());
    EXPECT_EQ(TempFolder::ReadFile(path), "new");
  }
  EXPECT_EQ(TempFolder::ReadFile(path), "new");
  EXPECT_FALSE(std::filesystem::exists(path + ".new"));
}

TEST(ReplacedFileTest, LeavesNothingBehindWithoutCommit) {
  TempFolder folder;
  {
    ASSERT_OK_AND_ASSIGN(const auto file,
                         ReplacedFile::Create(folder.File("f")));
    EXPECT_THAT(file->Write("new"), IsOk());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(ReplacedFileTest, ReplacesNothingButRegularFiles) {
  TempFolder folder;
  for (const std::string& path : {folder.path(), std::string("/dev/null")}) {
    EXPECT_THAT(ReplacedFile::Create(path),
                StatusIs(absl::StatusCode::kDataLoss,
                         HasSubstr(path + ": cannot be written: it is not")));
  }
  EXPECT_THAT(ReplacedFile::Create(folder.File("none/f")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("No such file")));
}

TEST(ReplacedFileTest, AFullDiskIsAnError) {
  TempFolder folder;
  const std::string path = folder.File("f");
  std::filesystem::create_symlink("/dev/full", path + ".new");
  ASSERT_OK_AND_ASSIGN(const auto file, ReplacedFile::Create(path));
  EXPECT_THAT(file->Write("x"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("No space")));
}

}  // namespace
}  // namespace mneme::cli
