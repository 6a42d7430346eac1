#include "client/cli/text_part.h"

#include <sys/resource.h>

#include <string>
#include <vector>

#include "client/cli/explain.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

class TextPartTest : public ::testing::Test {
 protected:
  std::string ReadAll(const TextPart& part, size_t step) {
    auto reader = PartReader::Open(part);
    EXPECT_THAT(reader, IsOk());
    std::string text;
    while (reader.ok() && !reader->at_end()) {
      auto more = reader->Read(step);
      EXPECT_THAT(more, IsOk());
      if (!more.ok()) break;
      text += *more;
    }
    return text;
  }

  TempFolder folder_;
};

TEST_F(TextPartTest, EachFileIsOneSessionByDefault) {
  std::string a = folder_.Write("a", "0123456789");
  std::string b = folder_.Write("b", "xyz");
  ASSERT_OK_AND_ASSIGN(auto parts, CutIntoParts({a, b}, 0, 0));
  ASSERT_THAT(parts, SizeIs(2));
  EXPECT_EQ(ReadAll(parts[0], 3), "0123456789");
  EXPECT_EQ(ReadAll(parts[1], 100), "xyz");
}

TEST_F(TextPartTest, MoreSessionsThanFilesCutEachIntoContiguousParts) {
  std::string a = folder_.Write("a", "0123456789");
  std::string b = folder_.Write("b", "abcdef");
  ASSERT_OK_AND_ASSIGN(auto parts, CutIntoParts({a, b}, 5, 0));
  ASSERT_THAT(parts, SizeIs(5));
  EXPECT_EQ(ReadAll(parts[0], 2), "012");
  EXPECT_EQ(ReadAll(parts[1], 2), "345");
  EXPECT_EQ(ReadAll(parts[2], 2), "6789");
  EXPECT_EQ(ReadAll(parts[3], 2), "abc");
  EXPECT_EQ(ReadAll(parts[4], 2), "def");
}

TEST_F(TextPartTest, TheLimitHoldsForEachFileAndEmptyPartsAreLeftOut) {
  std::string a = folder_.Write("a", "0123456789");
  ASSERT_OK_AND_ASSIGN(auto parts, CutIntoParts({a}, 4, 3));
  std::string text;
  for (const TextPart& part : parts) text += ReadAll(part, 1);
  EXPECT_EQ(text, "012");
  EXPECT_THAT(parts, SizeIs(3));
}

TEST_F(TextPartTest, ErrorsNameTheFileOrTheFlag) {
  std::string a = folder_.Write("a", "x");
  EXPECT_THAT(CutIntoParts({a, a}, 1, 0),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--sessions 1: expected at least 2")));
  EXPECT_THAT(
      CutIntoParts({folder_.File("none")}, 0, 0),
      StatusIs(absl::StatusCode::kNotFound, HasSubstr("none: no such file")));
  EXPECT_THAT(CutIntoParts({folder_.File("")}, 0, 0),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr(": not a regular file")));
  EXPECT_THAT(
      CutIntoParts({folder_.Write("empty", "")}, 0, 0),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("empty: ")));
}

TEST_F(TextPartTest, AFileThatBecameShorterIsDataLoss) {
  std::string a = folder_.Write("a", "0123456789");
  ASSERT_OK_AND_ASSIGN(auto reader, PartReader::Open({a, 0, 20}));
  EXPECT_THAT(reader.Read(15),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("too early")));
}

// Lowers how many files this process may have open.
class FewFiles {
 public:
  explicit FewFiles(rlim_t files) {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit few = {files, before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &few);
  }
  ~FewFiles() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

TEST_F(TextPartTest, MorePartsCanBeReadAtOnceThanFilesCanBeOpen) {
  const std::string path = folder_.Write("a", std::string(1000, 'x'));
  ASSERT_OK_AND_ASSIGN(const auto parts, CutIntoParts({path}, 200, 0));
  const FewFiles few(64);
  std::vector<PartReader> readers;
  for (const TextPart& part : parts) {
    auto reader = PartReader::Open(part);
    ASSERT_THAT(reader, IsOk());
    readers.push_back(*std::move(reader));
  }
  for (PartReader& reader : readers) {
    EXPECT_THAT(reader.Read(2), IsOkAndHolds("xx"));
  }
}

TEST_F(TextPartTest, AFileThatCannotBeOpenedIsToldWithItsReason) {
  const absl::Status status =
      PartReader::Open({folder_.File("none"), 0, 1}).status();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition,
                               HasSubstr("No such file or directory")));
  // It is no word of a server.
  EXPECT_THAT(Explain(status, "host:1"), Not(HasSubstr("host:1")));
}

}  // namespace
}  // namespace mneme::cli
