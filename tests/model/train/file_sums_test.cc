#include "model/train/file_sums.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class FileSumsTest : public ::testing::Test {
 protected:
  FileSumsTest() {
    folder_.Write("a", "abc");
    folder_.Write("b", "");
    EXPECT_OK(WriteSums(folder_.File(""), {"a", "b"}));
  }
  auto Check() const { return CheckSums(folder_.File("")); }
  auto Lost(const std::string& text) const {
    return StatusIs(absl::StatusCode::kDataLoss, HasSubstr(text));
  }

  const TempFolder folder_;
};

TEST_F(FileSumsTest, IsWhatSha256sumWrites) {
  EXPECT_EQ(
      folder_.Read(kSumsFile),
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad  a\n"
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855  b\n");
  EXPECT_THAT(Check(), IsOkAndHolds(ElementsAre("a", "b")));
}

TEST_F(FileSumsTest, NamesTheFileThatChangedOrIsMissing) {
  folder_.Write("a", "abd");
  EXPECT_THAT(Check(), Lost("/a: its sha256"));
  std::filesystem::remove(folder_.File("a"));
  EXPECT_THAT(Check(), Lost("/a"));
}

TEST_F(FileSumsTest, NoByteOfItselfCanChangeUnseen) {
  const std::string good = folder_.Read(kSumsFile);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 1);
    folder_.Write(kSumsFile, bad);
    EXPECT_THAT(Check(), Lost(folder_.File(""))) << i;
  }
}

TEST_F(FileSumsTest, ATruncatedOneIsDataLoss) {
  const std::string good = folder_.Read(kSumsFile);
  for (const size_t size : {size_t{0}, size_t{10}, good.size() - 1}) {
    folder_.Write(kSumsFile, good.substr(0, size));
    EXPECT_THAT(Check(), Lost(kSumsFile)) << size;
  }
}

TEST_F(FileSumsTest, NamesNoFileOutsideTheFolder) {
  folder_.Write(kSumsFile, std::string(64, '0') + "  ../x\n");
  EXPECT_THAT(Check(), Lost("not a line"));
}

}  // namespace
}  // namespace mneme
