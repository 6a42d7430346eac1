#include "client/cli/exported_file.h"

#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/session/session_file.h"
#include "tests/server/session/session_file_example.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class ExportedFileTest : public ::testing::Test {
 protected:
  // The path of a file of this manifest, its memory that of ExampleManifest.
  std::string Write(const SessionManifest& manifest,
                    const std::string& key = "") {
    const auto header = EncodeSessionFileHeader(manifest, ExampleValue(), key);
    EXPECT_THAT(header, IsOk());
    return folder_.Write("f", header.value_or("") + ExampleValue());
  }

  TempFolder folder_;
};

TEST_F(ExportedFileTest, EveryTensorIsDescribed) {
  ASSERT_OK_AND_ASSIGN(const ExportedFile file,
                       ReadExportedFile(Write(ExampleManifest())));
  EXPECT_THAT(file.holds, IsOk());
  EXPECT_EQ(file.manifest.handle, ExampleManifest().handle);
  const std::string text = DescribeFile(file);
  EXPECT_THAT(text, ContainsRegex("memory +F32 +\\[1, 2, 2\\] +16 B\n"));
  EXPECT_THAT(text, ContainsRegex("empty +F32 +\\[0, 4\\] +0 B\n"));
  EXPECT_THAT(text, ContainsRegex("seen +I64 +\\[\\] +8 B\n"));
  EXPECT_THAT(text, ContainsRegex("memory policy +reset\n"));
  const auto json = nlohmann::json::parse(FileJson(file));
  EXPECT_EQ(json["tensors"].size(), 7u);
  EXPECT_EQ(json["tensors"][1]["dtype"], "F32");
  EXPECT_EQ(json["tensors"][1]["bytes"], 16);
  EXPECT_EQ(json["model"], ExampleManifest().model);
}

TEST_F(ExportedFileTest, WhetherItIsSignedIsSaid) {
  ASSERT_OK_AND_ASSIGN(const ExportedFile file,
                       ReadExportedFile(Write(ExampleManifest(), "key")));
  EXPECT_THAT(file.holds, IsOk());
  EXPECT_TRUE(file.is_signed);
  EXPECT_THAT(DescribeFile(file), ContainsRegex("signed +yes, not checked"));
}

TEST_F(ExportedFileTest, TextOfTheFileCannotSteerATerminal) {
  SessionManifest manifest = ExampleManifest();
  manifest.model = "evil\x1b[2J";
  manifest.memory[0].name = "a\nb";
  ASSERT_OK_AND_ASSIGN(const ExportedFile file,
                       ReadExportedFile(Write(manifest)));
  EXPECT_THAT(DescribeFile(file), Not(HasSubstr("\x1b")));
  EXPECT_THAT(DescribeFile(file), HasSubstr("a\\nb"));
}

TEST_F(ExportedFileTest, AFileLargerThanAPieceIsReadWhole) {
  SessionManifest manifest = PlainManifest();
  const std::string value(5'000'000, 'v');
  manifest.memory = {{"m", DType::kUint8, {5'000'000}}};
  ASSERT_OK_AND_ASSIGN(const std::string header,
                       EncodeSessionFileHeader(manifest, value, ""));
  ASSERT_OK_AND_ASSIGN(const ExportedFile file,
                       ReadExportedFile(folder_.Write("f", header + value)));
  EXPECT_THAT(file.holds, IsOk());
  EXPECT_EQ(file.bytes, header.size() + value.size());
}

TEST_F(ExportedFileTest, AnEmptyFileIsDamagedAndNamed) {
  const std::string path = folder_.Write("f", "");
  EXPECT_THAT(ReadExportedFile(path),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(path)));
}

}  // namespace
}  // namespace mneme::cli
