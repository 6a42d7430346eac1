#include "client/stream_ledger.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme::client {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr uint32_t kSegment = 4;
constexpr absl::Duration kNow = absl::Seconds(10);

MemoryHandle Handle(uint64_t step) {
  return {"s", step, absl::StrCat("digest-", step)};
}

// The reply to a message after which the stream stands at `step` and `tail`,
// with the segments after `from`.
StreamReply Reply(uint64_t from, uint64_t step, uint32_t tail,
                  uint64_t durable) {
  StreamReply reply;
  for (uint64_t s = from + 1; s <= step; ++s) {
    SegmentResult segment;
    segment.handle = Handle(s);
    segment.num_tokens = kSegment;
    reply.segments.push_back(segment);
  }
  reply.head = reply.next.handle = Handle(step);
  reply.next.tail = tail;
  reply.durable = Handle(durable);
  return reply;
}

class StreamLedgerTest : public ::testing::Test {
 protected:
  StreamLedgerTest() : ledger_(kSegment, Handle(5)) { ledger_.BeginCall(); }

  void Send(size_t tokens) {
    ledger_.input().Append(std::vector<int32_t>(tokens, 1));
    while (ledger_.Send(tokens, kNow)) {
    }
  }

  StreamLedger ledger_;
};

TEST_F(StreamLedgerTest, AReplyMovesTheDurableHandleAndFreesItsTokens) {
  Send(10);
  EXPECT_EQ(ledger_.in_flight(), 1u);
  StreamReply reply = Reply(5, 7, 2, 6);
  EXPECT_THAT(ledger_.Accept(reply, kNow + absl::Milliseconds(3)), IsOk());
  ASSERT_THAT(reply.segments, SizeIs(2));
  EXPECT_EQ(reply.segments[0].reply_time, absl::Milliseconds(3));
  EXPECT_EQ(ledger_.resume(), Handle(6));
  EXPECT_EQ(ledger_.head(), Handle(7));
  EXPECT_EQ(ledger_.input().size(), 6u);
  EXPECT_TRUE(ledger_.all_answered());
  EXPECT_TRUE(ledger_.TakeProgress());
  EXPECT_FALSE(ledger_.TakeProgress());
}

TEST_F(StreamLedgerTest, AReplayIsNeitherDeliveredAgainNorProgress) {
  Send(8);
  StreamReply reply = Reply(5, 7, 0, 5);
  ASSERT_THAT(ledger_.Accept(reply, kNow), IsOk());
  EXPECT_TRUE(ledger_.TakeProgress());
  ledger_.BeginCall();
  EXPECT_FALSE(ledger_.all_answered());
  ASSERT_TRUE(ledger_.Send(8, kNow).has_value());
  reply = Reply(5, 7, 0, 7);
  ASSERT_THAT(ledger_.Accept(reply, kNow), IsOk());
  EXPECT_THAT(reply.segments, IsEmpty());
  EXPECT_FALSE(ledger_.TakeProgress());
  EXPECT_EQ(ledger_.resume(), Handle(7));
}

TEST_F(StreamLedgerTest, TheDurableHandleIsNotTakenBeyondWhatWasAnswered) {
  Send(4);
  StreamReply reply = Reply(5, 6, 0, 9);  // a replay: the head is ahead
  reply.head = Handle(9);
  ASSERT_THAT(ledger_.Accept(reply, kNow), IsOk());
  EXPECT_EQ(ledger_.resume(), Handle(6));
}

TEST_F(StreamLedgerTest, BehindTheHeadATailMayCountAsNotAccepted) {
  Send(6);
  StreamReply reply = Reply(5, 6, 0, 9);
  reply.head = Handle(9);
  EXPECT_THAT(ledger_.Accept(reply, kNow), IsOk());
  EXPECT_TRUE(ledger_.all_answered());
}

TEST_F(StreamLedgerTest, AReplyToNothingIsRefused) {
  StreamReply reply = Reply(5, 5, 0, 5);
  EXPECT_THAT(ledger_.Accept(reply, kNow),
              StatusIs(absl::StatusCode::kInternal, HasSubstr("no message")));
}

TEST_F(StreamLedgerTest, AReplyForAnotherPlaceIsRefused) {
  Send(10);
  StreamReply reply = Reply(5, 7, 1, 5);
  EXPECT_THAT(ledger_.Accept(reply, kNow),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("step 7 with a tail of 2 was expected")));
}

TEST_F(StreamLedgerTest, AMissingSegmentIsRefused) {
  Send(8);
  StreamReply reply = Reply(5, 7, 0, 5);
  reply.segments.pop_back();
  EXPECT_THAT(ledger_.Accept(reply, kNow),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("1 segments, expected 2")));
}

TEST_F(StreamLedgerTest, ASegmentOutOfOrderIsRefused) {
  Send(8);
  StreamReply reply = Reply(5, 7, 0, 5);
  std::swap(reply.segments[0], reply.segments[1]);
  EXPECT_THAT(
      ledger_.Accept(reply, kNow),
      StatusIs(absl::StatusCode::kInternal, HasSubstr("step 7, expected 6")));
}

TEST_F(StreamLedgerTest, AnotherDigestForADeliveredStepIsRefused) {
  Send(8);
  StreamReply reply = Reply(5, 7, 0, 5);
  ASSERT_THAT(ledger_.Accept(reply, kNow), IsOk());
  ledger_.BeginCall();
  ASSERT_TRUE(ledger_.Send(8, kNow).has_value());
  reply = Reply(5, 7, 0, 5);
  reply.segments[1].handle.digest = "other";
  EXPECT_THAT(ledger_.Accept(reply, kNow),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("step 7 has another digest")));
}

TEST_F(StreamLedgerTest, AnEmptyStreamIsAnswered) {
  EXPECT_TRUE(ledger_.all_answered());
  EXPECT_EQ(ledger_.resume(), Handle(5));
}

}  // namespace
}  // namespace mneme::client
