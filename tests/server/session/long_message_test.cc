#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/session/session_record.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A message of ten segments, with three values retained, whose reply is lost.
class LongMessageTest : public SessionFixture {
 protected:
  LongMessageTest() {
    limits_.retention = {3, 2};
    Restart();
    EXPECT_OK(Open("s"));
    start_ = At("s");
  }

  absl::StatusOr<SegmentReply> SendLong(std::vector<std::string> outputs = {
                                            "noise"}) {
    return Send("s", Request(start_, Range(0, 40), std::move(outputs))).Get();
  }

  Position start_;
};

TEST_F(LongMessageTest, ItsRetryGetsTheKeptBytesAlsoAfterARestart) {
  const auto first = SendLong();
  ASSERT_OK(first);
  Restart();
  const auto again = SendLong();
  ASSERT_OK(again);
  ASSERT_THAT(again->segments, SizeIs(10));
  for (size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(again->segments[i].source, SegmentSource::kKept);
    EXPECT_EQ(again->segments[i].handle, first->segments[i].handle);
    EXPECT_EQ(again->segments[i].outputs[0].data,
              first->segments[i].outputs[0].data);
  }
  EXPECT_EQ(again->next, first->next);
}

TEST_F(LongMessageTest, ItsRetryIsRecomputedFromWhereItStarted) {
  limits_.kept_reply_bytes = 10;
  Restart();
  ASSERT_OK(SendLong({"sum"}));
  Restart();
  const auto again = SendLong({"sum"});
  ASSERT_OK(again);
  ASSERT_THAT(again->segments, SizeIs(10));
  EXPECT_EQ(again->segments[4].source, SegmentSource::kRecomputed);
  EXPECT_EQ(Int64s(again->segments[4].outputs[0]).back(), Oracle(Range(0, 20)));
  EXPECT_EQ(LastSum(again), Oracle(Range(0, 40)));
  EXPECT_EQ(At("s").handle.step, 10u);
}

TEST_F(LongMessageTest, InsideItOtherOutputsNeedAMemoryThatIsGone) {
  const auto first = SendLong({"sum"});
  ASSERT_OK(first);
  const Position inside = {first->segments[3].handle, 0};
  const auto other =
      Send("s", Request(inside, Range(16, 24), {"sum", "noise"})).Get();
  EXPECT_THAT(other, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorInfo(other.status()).reason, "NOT_RETAINED");
  const auto whole =
      Send("s", Request(start_, Range(0, 40), {"sum", "noise"})).Get();
  ASSERT_OK(whole);
  EXPECT_EQ(Int64s(whole->segments[9].outputs[0]).back(), Oracle(Range(0, 40)));
}

// The first replies are kept, the later ones are not: what leads to these is
// remembered over the messages of a stream.
TEST_F(LongMessageTest, OfASessionsRepliesSoManyBytesAreKept) {
  limits_.kept_session_bytes = 800;
  Restart();
  ASSERT_OK(SendLong({"sum"}));
  Restart();
  const CursorRef cursor = std::make_shared<Cursor>();
  std::vector<SegmentSource> sources;
  for (int32_t i = 0; i < 40; i += 10) {
    const auto at = i == 0 ? std::optional(start_) : std::nullopt;
    const auto reply = Send("s", Request(at, Range(i, 10)), cursor).Get();
    ASSERT_OK(reply);
    for (const AppliedSegment& segment : reply->segments) {
      sources.push_back(segment.source);
      EXPECT_EQ(Int64s(segment.outputs[0]).back(),
                Oracle(Range(0, 4 * static_cast<int32_t>(sources.size()))));
    }
  }
  ASSERT_THAT(sources, SizeIs(10));
  EXPECT_EQ(sources[2], SegmentSource::kKept);
  EXPECT_EQ(sources[9], SegmentSource::kRecomputed);
}

TEST_F(LongMessageTest, WhatTheRepliesTakeIsKnownAlsoAfterARestart) {
  const auto sum = [&] {
    uint64_t bytes = 0;
    const SessionInfo info = *manager_->Get(Key("s"));
    for (uint64_t step = info.retained[0].step + 1;
         step <= info.head.handle.step; ++step) {
      bytes += StoredReplyOf(step)->size();
    }
    return bytes;
  };
  const auto recorded = [&] {
    return KeptBytes(*FromStored(store_->LoadRecords()->records[0]));
  };
  for (const int32_t tokens : {40, 4, 4, 20, 8, 4}) {
    ASSERT_OK(Send("s", Request(At("s"), Range(0, tokens))).Get());
    EXPECT_EQ(recorded(), sum());
    Restart();
  }
}

TEST_F(LongMessageTest, ARetryCutInOtherMessagesIsAnsweredInTheSameWay) {
  for (const int64_t kept_bytes : {65536, 10}) {
    SCOPED_TRACE(kept_bytes);
    limits_.kept_reply_bytes = kept_bytes;
    Restart();
    ASSERT_OK(Open(absl::StrCat("cut", kept_bytes)));
    const std::string id = absl::StrCat("cut", kept_bytes);
    const Position start = At(id);
    ASSERT_OK(Send(id, Request(start, Range(0, 40))).Get());
    const CursorRef cursor = std::make_shared<Cursor>();
    std::vector<int64_t> sums;
    for (int32_t i = 0; i < 40; i += 10) {
      const auto reply =
          Send(id,
               Request(i == 0 ? std::optional(start) : std::nullopt,
                       Range(i, 10)),
               cursor)
              .Get();
      ASSERT_OK(reply);
      for (const AppliedSegment& segment : reply->segments) {
        sums.push_back(Int64s(segment.outputs[0]).back());
      }
    }
    ASSERT_THAT(sums, SizeIs(10));
    EXPECT_EQ(sums[4], Oracle(Range(0, 20)));
    EXPECT_EQ(sums[9], Oracle(Range(0, 40)));
    EXPECT_EQ(At(id).handle.step, 10u);
  }
}

TEST_F(LongMessageTest, APlaceInsideItCanBeResumedFromWithItsTokens) {
  const auto first = SendLong();
  ASSERT_OK(first);
  const Position inside = {first->segments[3].handle, 0};
  const auto again = Send("s", Request(inside, Range(16, 24), {"noise"})).Get();
  ASSERT_OK(again);
  ASSERT_THAT(again->segments, SizeIs(6));
  EXPECT_EQ(again->segments[0].handle, first->segments[4].handle);
  const auto other = Send("s", Request(inside, Range(17, 4), {"noise"})).Get();
  EXPECT_THAT(other, StatusIs(absl::StatusCode::kAborted, HasSubstr("step 5")));
}

TEST_F(LongMessageTest, OtherTokensInItConflictAndApplyNothing) {
  ASSERT_OK(SendLong());
  for (const size_t changed : {size_t{3}, size_t{17}, size_t{39}}) {
    std::vector<int32_t> tokens = Range(0, 40);
    tokens[changed] ^= 1;
    tokens.resize(changed / 4 * 4 + 4);
    const auto reply = Send("s", Request(start_, tokens, {})).Get();
    EXPECT_THAT(reply, StatusIs(absl::StatusCode::kAborted)) << changed;
    EXPECT_EQ(GetErrorInfo(reply.status()).metadata.at("head"),
              At("s").handle.ToString());
  }
  EXPECT_EQ(At("s").handle.step, 10u);
}

TEST_F(LongMessageTest, ItIsForgottenOnceLaterOnesWereApplied) {
  ASSERT_OK(SendLong());
  EXPECT_THAT(RetainedSteps("s"), ElementsAre(0, 8, 9, 10));
  for (int32_t i = 40; i < 48; i += 4) {
    ASSERT_OK(Send("s", Request(At("s"), Range(i, 4))).Get());
  }
  EXPECT_THAT(RetainedSteps("s"), ElementsAre(10, 11, 12));
  EXPECT_THAT(StoredReplyOf(10), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(StoredReplyOf(11));
  EXPECT_THAT(SendLong(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_F(LongMessageTest, AttemptsThatWereCutShortDoNotPushItOut) {
  for (uint64_t step = 1; step <= 8; ++step) {
    model_.Hold();
    const CursorRef cursor = std::make_shared<Cursor>();
    const Reply reply = Send("s", Request(start_, Range(0, 40)), cursor);
    model_.AwaitHeld();
    cursor->cancelled = true;
    model_.Release();
    ASSERT_THAT(reply.Get(), StatusIs(absl::StatusCode::kCancelled));
    ASSERT_EQ(At("s").handle.step, step);
  }
  const auto reply = SendLong({"sum"});
  ASSERT_OK(reply);
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 40)));
}

}  // namespace
}  // namespace mneme
