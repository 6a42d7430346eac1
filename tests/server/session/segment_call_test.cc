#include "server/session/segment_call.h"

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class SegmentCallTest : public SessionFixture {
 protected:
  SegmentCallTest() { EXPECT_OK(Open("s")); }
};

TEST_F(SegmentCallTest, AMessageAppliesItsSegmentsInOrder) {
  const auto reply = Send("s", Request(At("s"), Range(0, 10))).Get();
  ASSERT_OK(reply);
  ASSERT_THAT(reply->segments, SizeIs(2));
  EXPECT_EQ(Int64s(reply->segments[0].outputs[0]).back(), Oracle(Range(0, 4)));
  EXPECT_EQ(Int64s(reply->segments[1].outputs[0]).back(), Oracle(Range(0, 8)));
  EXPECT_EQ(reply->segments[1].source, SegmentSource::kComputed);
  EXPECT_EQ(reply->head.handle, reply->segments[1].handle);
  EXPECT_EQ(reply->head.tail, 2u);
  EXPECT_EQ(reply->next, reply->head);
  EXPECT_EQ(reply->durable, reply->head.handle);
}

TEST_F(SegmentCallTest, MessagesMayBeCutAnywhere) {
  std::vector<int64_t> sums;
  const CursorRef cursor = std::make_shared<Cursor>();
  for (int32_t i = 0; i < 16; i += 1) {
    const auto reply =
        Send("s",
             Request(i == 0 ? std::optional(At("s")) : std::nullopt,
                     Range(i, 1)),
             cursor)
            .Get();
    ASSERT_OK(reply);
    if (!reply->segments.empty()) sums.push_back(LastSum(reply));
  }
  EXPECT_THAT(sums, ElementsAre(Oracle(Range(0, 4)), Oracle(Range(0, 8)),
                                Oracle(Range(0, 12)), Oracle(Range(0, 16))));
}

TEST_F(SegmentCallTest, ARetryGetsTheKeptBytesAndAdvancesNothing) {
  const Position start = At("s");
  const auto first =
      Send("s", Request(start, Range(0, 8), {"sum", "noise"})).Get();
  ASSERT_OK(first);
  const size_t steps = model_.batches().size();
  const auto again =
      Send("s", Request(start, Range(0, 8), {"sum", "noise"})).Get();
  ASSERT_OK(again);
  ASSERT_THAT(again->segments, SizeIs(2));
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(again->segments[i].source, SegmentSource::kKept);
    EXPECT_EQ(again->segments[i].handle, first->segments[i].handle);
    EXPECT_EQ(again->segments[i].outputs[1].data,
              first->segments[i].outputs[1].data);
  }
  EXPECT_EQ(again->next, first->next);
  EXPECT_EQ(model_.batches().size(), steps);
}

TEST_F(SegmentCallTest, ARetryAfterARestartGetsTheKeptBytes) {
  const Position start = At("s");
  const auto first = Send("s", Request(start, Range(0, 4), {"noise"})).Get();
  ASSERT_OK(first);
  Restart();
  const auto again = Send("s", Request(start, Range(0, 4), {"noise"})).Get();
  ASSERT_OK(again);
  EXPECT_EQ(again->segments[0].source, SegmentSource::kKept);
  EXPECT_EQ(again->segments[0].outputs[0].data,
            first->segments[0].outputs[0].data);
}

TEST_F(SegmentCallTest, ARetryThatAsksForMoreIsRecomputedAndSaysSo) {
  const Position start = At("s");
  ASSERT_OK(Send("s", Request(start, Range(0, 8), {})).Get());
  const auto again = Send("s", Request(start, Range(0, 8))).Get();
  ASSERT_OK(again);
  ASSERT_THAT(again->segments, SizeIs(2));
  EXPECT_EQ(again->segments[1].source, SegmentSource::kRecomputed);
  EXPECT_EQ(LastSum(again), Oracle(Range(0, 8)));
  EXPECT_EQ(again->head.handle.step, 2u);
}

TEST_F(SegmentCallTest, ResultsAboveTheLimitAreRecomputed) {
  limits_.kept_reply_bytes = 10;
  Restart();
  const Position start = At("s");
  ASSERT_OK(Send("s", Request(start, Range(0, 4))).Get());
  const auto again = Send("s", Request(start, Range(0, 4))).Get();
  ASSERT_OK(again);
  EXPECT_EQ(again->segments[0].source, SegmentSource::kRecomputed);
}

TEST_F(SegmentCallTest, AHandleThatIsNotRetainedIsRefused) {
  limits_.retention = {3, 1};
  Restart();
  const Position start = At("s");
  for (int32_t i = 0; i < 20; i += 4) {
    ASSERT_OK(Send("s", Request(At("s"), Range(i, 4))).Get());
  }
  EXPECT_THAT(RetainedSteps("s"), ElementsAre(3, 4, 5));
  const Position oldest = {manager_->Get(Key("s"))->retained[0], 0};
  EXPECT_OK(Send("s", Request(oldest, Range(12, 8))).Get());
  const auto old = Send("s", Request(start, Range(0, 20))).Get();
  EXPECT_THAT(old, StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorInfo(old.status()).reason, "NOT_RETAINED");
}

TEST_F(SegmentCallTest, WhatIsNotRetainedIsNotStored) {
  limits_.retention = {2, 1};
  Restart();
  std::vector<MemoryHandle> handles;
  for (int32_t i = 0; i < 5; ++i) {
    const auto reply = Send("s", Request(At("s"), Range(4 * i, 4))).Get();
    ASSERT_OK(reply);
    handles.push_back(reply->head.handle);
  }
  const auto stored = [&](const MemoryHandle& handle) {
    return StoredValueOf(handle);
  };
  EXPECT_THAT(stored(handles[2]), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(stored(handles[3]));
  EXPECT_OK(stored(handles[4]));
  EXPECT_THAT(StoredReplyOf(4), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_OK(StoredReplyOf(5));
}

TEST_F(SegmentCallTest, OfTwoWritersOnOneHeadOneWins) {
  const Position start = At("s");
  const auto a = Send("s", Request(start, Range(0, 4))).Get();
  const auto b = Send("s", Request(start, Range(100, 4))).Get();
  EXPECT_OK(a);
  EXPECT_THAT(b, StatusIs(absl::StatusCode::kAborted));
  const ErrorInfo info = GetErrorInfo(b.status());
  EXPECT_EQ(info.metadata.at("head"), a->head.handle.ToString());
}

TEST_F(SegmentCallTest, ADeadlineInTheQueueChangesNothing) {
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  SegmentRequest late = Request({}, Range(4, 4));
  late.deadline = clock_.Monotonic() + absl::Seconds(1);
  const Reply dropped = Send("s", std::move(late));
  clock_.Advance(absl::Seconds(2));
  model_.Release();
  EXPECT_OK(running.Get());
  EXPECT_THAT(dropped.Get(), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(At("s").handle.step, 1u);
}

TEST_F(SegmentCallTest, AMessageCancelledInTheQueueChangesNothing) {
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  const CursorRef cursor = std::make_shared<Cursor>();
  const Reply dropped = Send("s", Request({}, Range(4, 4)), cursor);
  cursor->cancelled = true;
  model_.Release();
  EXPECT_THAT(dropped.Get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(At("s").handle.step, 1u);
}

TEST_F(SegmentCallTest, AStepCancelledInFlightCommitsAndARetryFindsIt) {
  const Position start = At("s");
  model_.Hold();
  const CursorRef cursor = std::make_shared<Cursor>();
  const Reply running = Send("s", Request(start, Range(0, 12)), cursor);
  model_.AwaitHeld();
  cursor->cancelled = true;
  model_.Release();
  EXPECT_THAT(running.Get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(At("s").handle.step, 1u);
  const auto again = Send("s", Request(start, Range(0, 12))).Get();
  ASSERT_OK(again);
  ASSERT_THAT(again->segments, SizeIs(3));
  EXPECT_EQ(again->segments[0].source, SegmentSource::kKept);
  EXPECT_EQ(again->segments[1].source, SegmentSource::kComputed);
  EXPECT_EQ(LastSum(again), Oracle(Range(0, 12)));
}

TEST_F(SegmentCallTest, AFailedStepLeavesTheSessionAsItWas) {
  const Position start = At("s");
  model_.FailNext(absl::InternalError("the device is gone"));
  EXPECT_THAT(Send("s", Request(start, Range(0, 6))).Get(),
              StatusIs(absl::StatusCode::kInternal));
  EXPECT_EQ(At("s"), start);
  const auto again = Send("s", Request(start, Range(0, 6))).Get();
  ASSERT_OK(again);
  EXPECT_EQ(LastSum(again), Oracle(Range(0, 4)));
}

TEST_F(SegmentCallTest, TheSessionQueueIsBounded) {
  limits_.queue_per_session = 2;
  Restart();
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  std::vector<Reply> waiting;
  for (int i = 0; i < 2; ++i) {
    waiting.push_back(Send("s", Request({}, Range(0, 4))));
  }
  const auto refused = Send("s", Request({}, {1})).Get();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                HasSubstr("session's queue")));
  EXPECT_EQ(GetErrorInfo(refused.status()).reason, "QUEUE_FULL");
  EXPECT_TRUE(GetErrorInfo(refused.status()).retry_after.has_value());
  model_.Release();
  for (const Reply& reply : waiting) EXPECT_OK(reply.Get());
}

TEST_F(SegmentCallTest, TheServerQueueIsBounded) {
  limits_.queue_total = 1;
  Restart();
  ASSERT_OK(Open("t"));
  model_.Hold();
  const Reply running = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  const auto refused = Send("t", Request({}, {1})).Get();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kResourceExhausted,
                                HasSubstr("server is full")));
  model_.Release();
  EXPECT_OK(running.Get());
}

TEST_F(SegmentCallTest, AnAnsweredMessageLeavesTheServerQueue) {
  limits_.queue_total = 1;
  Restart();
  for (int32_t i = 0; i < 3; ++i) {
    EXPECT_OK(Send("s", Request({}, Range(4 * i, 4))).Get());
  }
  EXPECT_EQ(manager_->stats().pending_requests, 0);
}

TEST_F(SegmentCallTest, ConcurrentSessionsShareBatches) {
  std::vector<Reply> replies;
  for (int i = 0; i < 8; ++i) ASSERT_OK(Open(absl::StrCat("s", i)));
  model_.Hold();
  const Reply first = Send("s", Request({}, Range(0, 4)));
  model_.AwaitHeld();
  for (int32_t i = 0; i < 8; ++i) {
    replies.push_back(Send(absl::StrCat("s", i), Request({}, Range(i, 4))));
  }
  model_.Release();
  for (size_t i = 0; i < 8; ++i) {
    ASSERT_OK(replies[i].Get());
    EXPECT_EQ(replies[i].Get()->segments[0].batch_size, 8);
    EXPECT_EQ(LastSum(replies[i].Get()),
              Oracle(Range(static_cast<int32_t>(i), 4)));
  }
}

TEST_F(SegmentCallTest, ResetStartsEachSegmentFromTheInitialMemory) {
  ASSERT_OK(Open("r", MemoryPolicy::kReset));
  const auto reply = Send("r", Request(At("r"), Range(0, 8))).Get();
  ASSERT_OK(reply);
  EXPECT_EQ(LastSum(reply), Oracle(Range(4, 4)));
  const auto carried = Send("s", Request(At("s"), Range(0, 8))).Get();
  EXPECT_NE(carried->head.handle.digest, reply->head.handle.digest);
}

TEST_F(SegmentCallTest, AFlushAppliesAShortSegment) {
  SegmentRequest request = Request(At("s"), Range(0, 6));
  request.flush_tail = 2;
  const auto reply = Send("s", std::move(request)).Get();
  ASSERT_OK(reply);
  ASSERT_THAT(reply->segments, SizeIs(2));
  EXPECT_EQ(reply->segments[1].num_tokens, 2u);
  EXPECT_EQ(reply->head.tail, 0u);
}

TEST_F(SegmentCallTest, TheSameStreamReachesTheSameDigestInEverySession) {
  ASSERT_OK(Open("t"));
  for (int32_t i = 0; i < 12; i += 3) {
    ASSERT_OK(Send("t", Request(At("t"), Range(i, 3))).Get());
  }
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 12))).Get());
  EXPECT_EQ(At("s").handle.digest, At("t").handle.digest);
}

TEST_F(SegmentCallTest, BadInputNamesTheFieldAndChangesNothing) {
  const Position start = At("s");
  const auto expect = [&](SegmentRequest request, const char* field) {
    EXPECT_THAT(Send("s", std::move(request)).Get(),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(field)));
  };
  expect(Request(start, {1, -1}), "tokens.ids[1]");
  expect(Request(start, {256}), "tokens.ids[0]");
  expect(Request(start, {}, {"sum", "sums"}), "outputs.names[1]");
  expect(Request(start, {}, {"sum", "sum"}), "outputs.names[1]");
  expect(Request(start, {}, {std::string(5000, 'n')}), "(5000 bytes)");
  SegmentRequest request = Request(start, {});
  request.extra_inputs = {{"images", {}}};
  expect(request, "extra_inputs[0].name");
  request.extra_inputs = {{std::string(5000, 'n'), {}}};
  expect(request, "(5000 bytes)");
  request.extra_inputs = {{"decoder_tokens", {300}}};
  expect(request, "extra_inputs[0].ids[0]");
  limits_.tokens_per_request = 3;
  Restart();
  expect(Request(start, {1, 2, 3, 4}), "tokens.ids: 4");
  request = Request(start, {1, 2, 3, 4});
  request.from_text = true;
  expect(request, "text: 4");
  EXPECT_EQ(At("s"), start);
  EXPECT_THAT(model_.batches(), IsEmpty());
}

}  // namespace
}  // namespace mneme
