#include "model/train/corpus.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// FIPS 180-4's example.
constexpr char kAbcSha256[] =
    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(CorpusTest, CutsTheTextIntoItsSplits) {
  const TempFolder folder;
  const std::string path = folder.Write("text", "aaaaabbbcc-");
  ASSERT_OK_AND_ASSIGN(const Corpus corpus, Corpus::Load(path, {5, 3, 2}, ""));
  EXPECT_EQ(corpus.train(), "aaaaa");
  EXPECT_EQ(corpus.valid(), "bbb");
  EXPECT_EQ(corpus.test(), "cc");
}

TEST(CorpusTest, TrainIsAllThatIsLeft) {
  const TempFolder folder;
  const std::string path = folder.Write("text", "aaaaabbbcc");
  ASSERT_OK_AND_ASSIGN(const Corpus corpus, Corpus::Load(path, {0, 3, 2}, ""));
  EXPECT_EQ(corpus.train(), "aaaaa");
  EXPECT_EQ(corpus.test(), "cc");
}

TEST(CorpusTest, ChecksTheChecksumThatItIsGiven) {
  const TempFolder folder;
  const std::string path = folder.Write("text", "abc");
  ASSERT_OK_AND_ASSIGN(const Corpus corpus,
                       Corpus::Load(path, {0, 0, 0}, kAbcSha256));
  EXPECT_EQ(corpus.sha256(), kAbcSha256);
  folder.Write("text", "abd");
  EXPECT_THAT(Corpus::Load(path, {0, 0, 0}, kAbcSha256),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr(kAbcSha256)));
}

TEST(CorpusTest, AFileCalledWiki15MustBeIt) {
  const TempFolder folder;
  const std::string path = folder.Write("wiki15-100M.txt", "abc");
  EXPECT_THAT(Corpus::Load(path, {0, 0, 0}, ""),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("fce0658e")));
}

TEST(CorpusTest, AFolderIsNoText) {
  EXPECT_THAT(
      Corpus::Load("/tmp", {0, 0, 0}, ""),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--data /tmp")));
}

TEST(CorpusTest, NamesAMissingFileAndWhereTextsComeFrom) {
  EXPECT_THAT(Corpus::Load("/no/such/text", {0, 0, 0}, ""),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("--data /no/such/text"),
                             HasSubstr("enwiki2015_AA.txt.xz"),
                             HasSubstr("model/zoo/wiki-rmt/CARD.md"))));
}

TEST(CorpusTest, RefusesSplitsThatDoNotFit) {
  const TempFolder folder;
  const std::string path = folder.Write("text", "abc");
  EXPECT_THAT(Corpus::Load(path, {2, 1, 1}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("3 bytes are too few")));
  EXPECT_THAT(Corpus::Load(path, {0, 2, 1}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(Corpus::Load(path, {0, -1, 0}, ""),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace mneme
