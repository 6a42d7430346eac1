// Sessions that stream the same tokens.

#include "tests/server/session/sharing_fixture.h"

namespace mneme {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;

class SegmentShareTest : public SharingFixture {
 protected:
  SegmentShareTest() {
    EXPECT_OK(Open("s"));
    EXPECT_OK(Open("t"));
  }
  // That "t" computes tokens 0 to 7, which "s" applied, and gets no error.
  void ExpectComputed() {
    const auto answer = Apply("t", 0, 8);
    ASSERT_OK(answer);
    EXPECT_THAT(SourcesOf(answer), Each(kComputed));
    EXPECT_EQ(LastSum(answer), Oracle(Range(0, 8)));
  }
};

TEST_F(SegmentShareTest, TheSecondSessionRunsNoStep) {
  const auto first = Apply("s", 0, 12);
  ASSERT_OK(first);
  EXPECT_THAT(SourcesOf(first), Each(kComputed));
  const int64_t before = steps();
  const auto second = Apply("t", 0, 12);
  ASSERT_OK(second);
  EXPECT_THAT(SourcesOf(second), Each(kShared));
  EXPECT_EQ(steps(), before);
  ASSERT_EQ(second->segments.size(), 3u);
  for (size_t i = 0; i < 3; ++i) {
    const AppliedSegment& was = first->segments[i];
    const AppliedSegment& is = second->segments[i];
    EXPECT_EQ(is.handle, (MemoryHandle{"t", i + 1, was.handle.digest}));
    EXPECT_EQ(is.num_tokens, was.num_tokens);
    EXPECT_EQ(is.outputs[0].data, was.outputs[0].data);
    EXPECT_EQ(is.batch_size, 0);
    EXPECT_EQ(is.timings.device, absl::ZeroDuration());
  }
  EXPECT_EQ(second->durable, second->segments[2].handle);
  EXPECT_EQ(observer_.segments(kShared), 3);
}

TEST_F(SegmentShareTest, EachGoesItsOwnWayAfterwards) {
  ASSERT_OK(Apply("s", 0, 8));
  ASSERT_OK(Apply("t", 0, 8));
  const auto own = Apply("t", 50, 4);
  std::vector<int32_t> tokens = Range(0, 8);
  for (const int32_t token : Range(50, 4)) tokens.push_back(token);
  EXPECT_THAT(SourcesOf(own), ElementsAre(kComputed));
  EXPECT_EQ(LastSum(own), Oracle(tokens));
  EXPECT_EQ(LastSum(Apply("s", 8, 4)), Oracle(Range(0, 12)));
}

TEST_F(SegmentShareTest, WhatWasSharedIsThereWithoutItsLender) {
  ASSERT_OK(Apply("s", 0, 8));
  ASSERT_OK(Apply("t", 0, 8));
  ASSERT_OK(Close("s"));
  Restart();
  EXPECT_EQ(RetainedSteps("t"), (std::vector<uint64_t>{0, 1, 2}));
  EXPECT_EQ(LastSum(Apply("t", 8, 4)), Oracle(Range(0, 12)));
}

TEST_F(SegmentShareTest, AShortSegmentIsSharedWithOneOfItsLength) {
  const auto flush = [this](const std::string& id) {
    SegmentRequest request = Request(At(id), Range(0, 3));
    request.flush_tail = 3;
    return Send(id, std::move(request)).Get();
  };
  ASSERT_OK(flush("s"));
  const auto shared = flush("t");
  EXPECT_THAT(SourcesOf(shared), ElementsAre(kShared));
  EXPECT_EQ(LastSum(shared), Oracle(Range(0, 3)));
  ASSERT_OK(Open("u"));
  EXPECT_THAT(SourcesOf(Apply("u", 0, 4)), ElementsAre(kComputed));
}

TEST_F(SegmentShareTest, NoOutputsNeedNoKeptReply) {
  limits_.kept_reply_bytes = 0;
  Restart();
  ASSERT_OK(Apply("s", 0, 8));
  const auto shared = Apply("t", 0, 8, {});
  EXPECT_THAT(SourcesOf(shared), Each(kShared));
  EXPECT_TRUE(shared->segments[0].outputs.empty());
}

TEST_F(SegmentShareTest, OutputsThatWereNotKeptAreComputed) {
  limits_.kept_reply_bytes = 0;
  Restart();
  ASSERT_OK(Apply("s", 0, 8));
  ExpectComputed();
}

TEST_F(SegmentShareTest, OutputsThatWereNotAskedForAreComputed) {
  ASSERT_OK(Apply("s", 0, 8, {"noise"}));
  ExpectComputed();
  ASSERT_OK(Open("u"));
  EXPECT_THAT(SourcesOf(Apply("u", 0, 8)), Each(kShared));
}

TEST_F(SegmentShareTest, OutputsForOtherExtraInputsAreComputed) {
  const auto apply = [this](const std::string& id, int32_t extra) {
    SegmentRequest request = Request(At(id), Range(0, 4));
    request.extra_inputs = {{"decoder_tokens", {extra}}};
    return Send(id, std::move(request)).Get();
  };
  ASSERT_OK(apply("s", 1));
  EXPECT_THAT(SourcesOf(apply("t", 2)), ElementsAre(kComputed));
  ASSERT_OK(Open("u"));
  EXPECT_THAT(SourcesOf(apply("u", 2)), ElementsAre(kShared));
}

TEST_F(SegmentShareTest, ARetryOfASharedSegmentIsKept) {
  ASSERT_OK(Apply("s", 0, 8));
  const Position start = At("t");
  const auto shared = Send("t", Request(start, Range(0, 8))).Get();
  const auto retry = Send("t", Request(start, Range(0, 8))).Get();
  EXPECT_THAT(SourcesOf(retry), Each(SegmentSource::kKept));
  EXPECT_EQ(LastSum(retry), Oracle(Range(0, 8)));
  EXPECT_EQ(retry->segments[0].outputs[0].data,
            shared->segments[0].outputs[0].data);
}

TEST_F(SegmentShareTest, AnotherTenantNeverShares) {
  ASSERT_OK(Apply("s", 0, 8));
  const SessionKey other = {"other", "s"};
  ASSERT_OK(OpenOn(other, ""));
  const auto answer = Apply(other, 0, 8);
  EXPECT_THAT(SourcesOf(answer), Each(kComputed));
  EXPECT_EQ(answer->head.handle.digest, At("s").handle.digest);
  const SessionKey same = {"other", "t"};
  ASSERT_OK(OpenOn(same, ""));
  EXPECT_THAT(SourcesOf(Apply(same, 0, 8)), Each(kShared));
}

TEST_F(SegmentShareTest, AModelOfAnotherNumericModeNeverShares) {
  FakeModel other(4, "other");
  other.mutable_spec()->fingerprint = model_.spec().fingerprint;
  other.mutable_spec()->numeric_mode = "int32";
  models_ = {&model_, &other};
  Restart();
  ASSERT_OK(Apply("s", 0, 8));
  ASSERT_OK(OpenOn(Key("o"), "other"));
  const auto answer = Apply("o", 0, 8);
  EXPECT_EQ(answer->head.handle.digest, At("s").handle.digest);
  EXPECT_THAT(SourcesOf(answer), Each(kComputed));
  EXPECT_EQ(other.batches().size(), 2u);
  Stop();
}

TEST_F(SegmentShareTest, ANumericModeOfBeforeTheRestartNeverShares) {
  ASSERT_OK(Apply("s", 0, 8));
  model_.mutable_spec()->numeric_mode = "int32";
  Restart();
  ASSERT_OK(Open("u"));
  EXPECT_THAT(SourcesOf(Apply("u", 0, 8)), Each(kComputed));
}

TEST_F(SegmentShareTest, AMemoryThatIsResetIsAnotherLineage) {
  ASSERT_OK(Apply("s", 0, 8));
  ASSERT_OK(Open("r", MemoryPolicy::kReset));
  ASSERT_OK(Open("q", MemoryPolicy::kReset));
  EXPECT_THAT(SourcesOf(Apply("r", 0, 8)), Each(kComputed));
  const auto shared = Apply("q", 0, 8);
  EXPECT_THAT(SourcesOf(shared), Each(kShared));
  EXPECT_EQ(LastSum(shared), Oracle(Range(4, 4)));
}

TEST_F(SegmentShareTest, CanBeTurnedOff) {
  prefix_entries_ = 0;
  Stop();
  Start();
  ASSERT_OK(Apply("s", 0, 8));
  ExpectComputed();
}

TEST_F(SegmentShareTest, WhatFellOutOfTheIndexIsComputed) {
  prefix_entries_ = 1;
  Restart();
  ASSERT_OK(Apply("s", 0, 8));
  EXPECT_THAT(SourcesOf(Apply("t", 0, 8)), Each(kComputed));
  EXPECT_EQ(prefixes_->size(), 1);
}

TEST_F(SegmentShareTest, AClosedSessionLendsNothing) {
  ASSERT_OK(Apply("s", 0, 8));
  ASSERT_OK(Close("s"));
  ExpectComputed();
}

TEST_F(SegmentShareTest, WhatWasRolledBackIsComputed) {
  ASSERT_OK(Apply("s", 0, 8));
  ASSERT_OK(Rollback("s", 0));
  ExpectComputed();
}

TEST_F(SegmentShareTest, ASessionComputesAgainWhatItRolledBack) {
  ASSERT_OK(Apply("s", 0, 8));
  ASSERT_OK(Rollback("s", 1));
  const auto again = Apply("s", 4, 4);
  EXPECT_THAT(SourcesOf(again), ElementsAre(kComputed));
  EXPECT_EQ(LastSum(again), Oracle(Range(0, 8)));
}

TEST_F(SegmentShareTest, WhatWasLetGoIsComputed) {
  limits_.retention = {1, 1};
  Restart();
  for (int32_t i = 0; i < 4; ++i) ASSERT_OK(Apply("s", 4 * i, 4));
  ExpectComputed();
}

TEST_F(SegmentShareTest, TheNewestThatHoldsItLends) {
  limits_.retention = {1, 1};
  Restart();
  ASSERT_OK(Apply("s", 0, 4));
  ASSERT_OK(Apply("t", 0, 4));
  for (int32_t i = 1; i < 4; ++i) ASSERT_OK(Apply("s", 4 * i, 4));
  ASSERT_OK(Open("u"));
  EXPECT_THAT(SourcesOf(Apply("u", 0, 4)), ElementsAre(kShared));
}

TEST_F(SegmentShareTest, AForkLendsToItsParentAndBorrowsFromIt) {
  ASSERT_OK(Apply("s", 0, 4));
  ASSERT_OK(Fork("s", "f"));
  ASSERT_OK(Fork("s", "g"));
  ASSERT_OK(Apply("s", 4, 4));
  ASSERT_OK(Apply("f", 100, 4));
  EXPECT_THAT(SourcesOf(Apply("g", 4, 4)), ElementsAre(kShared));
  ASSERT_OK(Apply("g", 8, 4));
  EXPECT_THAT(SourcesOf(Apply("s", 8, 4)), ElementsAre(kShared));
  ASSERT_OK(Close("g"));
  Restart();
  EXPECT_EQ(LastSum(Apply("s", 12, 4)), Oracle(Range(0, 16)));
}

TEST_F(SegmentShareTest, GoesOnAfterARestart) {
  ASSERT_OK(Apply("s", 0, 8));
  Restart();
  EXPECT_EQ(prefixes_->size(), 2);
  const auto shared = Apply("t", 0, 8);
  EXPECT_THAT(SourcesOf(shared), Each(kShared));
  EXPECT_EQ(LastSum(shared), Oracle(Range(0, 8)));
}

TEST_F(SegmentShareTest, ARestartRemembersTheSessionsThatWereUsedLast) {
  for (const int32_t first : {1, 0, 2}) {
    clock_.Advance(absl::Seconds(1));
    const std::string id = absl::StrCat("a", first);
    ASSERT_OK(Open(id));
    ASSERT_OK(Apply(id, first, 4));
  }
  prefix_entries_ = 2;
  Restart();
  const auto sources = [this](const std::string& id, int32_t first) {
    EXPECT_OK(Open(id));
    return SourcesOf(Apply(id, first, 4));
  };
  EXPECT_THAT(sources("b0", 0), ElementsAre(kShared));
  EXPECT_THAT(sources("b2", 2), ElementsAre(kShared));
  EXPECT_THAT(sources("b1", 1), ElementsAre(kComputed));
}

TEST_F(SegmentShareTest, AValueThatIsCorruptIsComputedAgain) {
  tier_limits_ = {1 << 20, 0};
  Restart();
  ASSERT_OK(Apply("s", 0, 8));
  const std::vector<StoredRecord> records = store_->LoadRecords()->records;
  for (const StoredRecord& record : records) {
    for (const Digest& digest : record.values) {
      static_cast<InProcessStore&>(*store_).CorruptValueForTest(
          {"default", record.root, digest});
    }
  }
  ExpectComputed();
}

TEST_F(SegmentShareTest, AReplyThatIsCorruptIsComputedAgain) {
  ASSERT_OK(Apply("s", 0, 8));
  for (const uint64_t step : {1u, 2u}) {
    static_cast<InProcessStore&>(*store_).CorruptReplyForTest({Key("s"), step});
  }
  ExpectComputed();
}

TEST_F(SegmentShareTest, HeadsAreSharedLiveAndCountOnce) {
  ASSERT_OK(Apply("s", 0, 4));
  const int64_t reads = writer_->stats().reads;
  EXPECT_THAT(SourcesOf(Apply("t", 0, 4, {})), ElementsAre(kShared));
  EXPECT_EQ(writer_->stats().reads, reads);
  EXPECT_EQ(tiers_->stats().device.values, 1);
  ASSERT_OK(Apply("s", 4, 4));
  EXPECT_EQ(tiers_->stats().device.values, 2);
  EXPECT_EQ(LastSum(Apply("t", 4, 4)), Oracle(Range(0, 8)));
}

}  // namespace
}  // namespace mneme
