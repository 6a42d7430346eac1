#include "client/cli/bench/token_source.h"

#include <algorithm>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Lt;
using ::testing::SizeIs;

TEST(TokenSourceTest, RandomIdsFillTheVocabularyAndStayBelowIt) {
  ASSERT_OK_AND_ASSIGN(const TokenSource source,
                       TokenSource::Open("random", 50257));
  TokenStream stream(source, 1);
  const std::vector<int32_t> tokens = stream.Next(20000);
  EXPECT_THAT(tokens, AllOf(SizeIs(20000), Each(AllOf(Ge(0), Lt(50257)))));
  EXPECT_LT(*std::min_element(tokens.begin(), tokens.end()), 100);
  EXPECT_GT(*std::max_element(tokens.begin(), tokens.end()), 50150);
}

TEST(TokenSourceTest, ASeedGivesTheSameTokensAndAnotherOthers) {
  ASSERT_OK_AND_ASSIGN(const TokenSource source,
                       TokenSource::Open("random", 256));
  const std::vector<int32_t> first = TokenStream(source, 1).Next(8);
  EXPECT_EQ(TokenStream(source, 1).Next(8), first);
  EXPECT_NE(TokenStream(source, 2).Next(8), first);
}

TEST(TokenSourceTest, AFileIsReadOverAndOver) {
  TempFolder folder;
  ASSERT_OK_AND_ASSIGN(const TokenSource source,
                       TokenSource::Open(folder.Write("text", "abc\xff"), 256));
  TokenStream stream(source, 1);
  std::string text;
  for (int32_t token : stream.Next(10))
    text.push_back(static_cast<char>(token));
  EXPECT_THAT(std::string("abc\xff") + "abc\xff" + "abc\xff" + "abc\xff",
              HasSubstr(text));
  EXPECT_EQ(stream.Next(1)[0], static_cast<unsigned char>(text[2]));
}

TEST(TokenSourceTest, SessionsBeginAtDifferentPlacesOfAFile) {
  TempFolder folder;
  std::string text;
  for (int i = 0; i < 256; ++i) text.push_back(static_cast<char>(i));
  ASSERT_OK_AND_ASSIGN(const TokenSource source,
                       TokenSource::Open(folder.Write("text", text), 256));
  EXPECT_NE(TokenStream(source, 1).Next(1), TokenStream(source, 2).Next(1));
}

TEST(TokenSourceTest, WhatCannotBeUsedIsNamed) {
  TempFolder folder;
  EXPECT_THAT(TokenSource::Open("/no/such/file", 256),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/no/such")));
  EXPECT_THAT(TokenSource::Open(folder.Write("empty", ""), 256),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--tokens"), HasSubstr("empty"))));
  EXPECT_THAT(TokenSource::Open(folder.Write("text", "x"), 255),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--tokens"), HasSubstr("255"))));
}

}  // namespace
}  // namespace mneme::cli
