#include "model/checkpoint/mapped_file.h"

#include <sys/stat.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

absl::Status Open(const std::string& path) {
  return MappedFile::Open(path).status();
}

TEST(MappedFileTest, HoldsTheBytesOfTheFile) {
  const TestFolder folder;
  folder.Write("some", "bytes");
  folder.Write("empty", "");
  ASSERT_OK_AND_ASSIGN(const auto some, MappedFile::Open(folder.File("some")));
  ASSERT_OK_AND_ASSIGN(const auto empty,
                       MappedFile::Open(folder.File("empty")));
  EXPECT_EQ(some->bytes(), "bytes");
  EXPECT_EQ(some->path(), folder.File("some"));
  EXPECT_EQ(empty->bytes(), "");
}

TEST(MappedFileTest, AMissingFileIsNamed) {
  EXPECT_THAT(Open("/no/such/file"), StatusIs(absl::StatusCode::kNotFound,
                                              HasSubstr("/no/such/file")));
}

// Nobody writes to the FIFO: to open it as a file is opened would wait for
// ever.
TEST(MappedFileTest, WhatIsNoRegularFileIsNamedAndNotWaitedFor) {
  const TestFolder folder;
  ASSERT_EQ(mkfifo(folder.File("fifo").c_str(), 0600), 0);
  for (const std::string& path :
       {folder.File("fifo"), folder.path(), std::string("/dev/null")}) {
    EXPECT_THAT(
        Open(path),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 AllOf(HasSubstr(path), HasSubstr("is not a regular file"))));
  }
}

}  // namespace
}  // namespace mneme
