#include "client/kept_input.h"

#include <numeric>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::client {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;
using Place = KeptInput::Place;

constexpr uint32_t kSegment = 4;

std::vector<int32_t> Count(int n) {
  std::vector<int32_t> tokens(static_cast<size_t>(n));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

TEST(KeptInputTest, MessagesAreAsLargeAsAskedFor) {
  KeptInput input(kSegment, 7);
  input.Append(Count(10));
  auto first = input.Next(6);
  ASSERT_TRUE(first.has_value());
  EXPECT_THAT(first->tokens, ElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_EQ(first->end, (Place{8, 2}));
  auto second = input.Next(6);
  ASSERT_TRUE(second.has_value());
  EXPECT_THAT(second->tokens, ElementsAre(6, 7, 8, 9));
  EXPECT_EQ(second->end, (Place{9, 2}));
  EXPECT_FALSE(second->flush_tail.has_value());
  EXPECT_FALSE(input.Next(6).has_value());
  EXPECT_TRUE(input.all_sent());
}

TEST(KeptInputTest, AFlushEndsAMessageAndTheSegment) {
  KeptInput input(kSegment, 0);
  input.Append(Count(6));
  input.Flush();
  input.Append(Count(1));
  auto message = input.Next(100);
  ASSERT_TRUE(message.has_value());
  EXPECT_THAT(message->tokens, SizeIs(6));
  EXPECT_EQ(message->flush_tail, 2u);
  EXPECT_EQ(message->end, (Place{2, 0}));
  message = input.Next(100);
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(message->end, (Place{2, 1}));
}

TEST(KeptInputTest, AFlushAfterItsTokensWereSentIsAMessageOfItsOwn) {
  KeptInput input(kSegment, 0);
  input.Append(Count(3));
  EXPECT_EQ(input.Next(100)->end, (Place{0, 3}));
  EXPECT_TRUE(input.all_sent());
  input.Flush();
  EXPECT_FALSE(input.all_sent());
  auto message = input.Next(100);
  ASSERT_TRUE(message.has_value());
  EXPECT_THAT(message->tokens, SizeIs(0));
  EXPECT_EQ(message->flush_tail, 3u);
  EXPECT_TRUE(input.all_sent());
}

TEST(KeptInputTest, AFlushOfNothingIsNothing) {
  KeptInput input(kSegment, 0);
  input.Flush();
  EXPECT_FALSE(input.Next(100).has_value());
  input.Append(Count(4));
  input.Flush();
  EXPECT_FALSE(input.Next(100)->flush_tail.has_value());
}

TEST(KeptInputTest, RewindSendsWhatWasNotForgottenOnceMore) {
  KeptInput input(kSegment, 0);
  input.Append(Count(11));
  input.Flush();
  while (input.Next(3)) {
  }
  EXPECT_EQ(input.unsent(), 0u);
  input.ForgetBefore(2);
  EXPECT_EQ(input.size(), 3u);
  EXPECT_EQ(input.first_step(), 2u);
  input.Rewind();
  EXPECT_EQ(input.unsent(), 3u);
  auto message = input.Next(100);
  ASSERT_TRUE(message.has_value());
  EXPECT_THAT(message->tokens, ElementsAre(8, 9, 10));
  EXPECT_EQ(message->flush_tail, 3u);
  EXPECT_EQ(message->end, (Place{3, 0}));
}

}  // namespace
}  // namespace mneme::client
