#include "client/cli/input_file.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::testing::HasSubstr;

TEST(InputFileTest, IsReadInPiecesToItsEnd) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(InputFile file,
                       InputFile::Open(folder.Write("f", "12345")));
  for (const char* piece : {"123", "45", "", ""}) {
    EXPECT_THAT(file.Read(3), IsOkAndHolds(piece));
  }
}

TEST(InputFileTest, WhatCannotBeReadIsNamed) {
  TempFolder folder;
  EXPECT_THAT(InputFile::Open(folder.File("none")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("none")));
  EXPECT_THAT(InputFile::Open(folder.Write("f", "") + "/g"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("Not a directory")));
  ASSERT_OK_AND_ASSIGN(InputFile file, InputFile::Open(folder.path()));
  EXPECT_THAT(file.Read(3), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr(folder.path())));
}

}  // namespace
}  // namespace mneme::cli
