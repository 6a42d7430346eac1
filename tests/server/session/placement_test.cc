#include "server/session/placement.h"

#include "server/base/error_info.h"
#include "server/session/lineage.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Tokens = std::vector<int32_t>;

// A session of segment size 4 whose stream is 0, 1, 2, ...: the first segments
// applied, then a tail.
class PlacementTest : public ::testing::Test {
 protected:
  PlacementTest() {
    state_.session_id = "s";
    state_.segment_size = 4;
    state_.retained = {{0, {}}};
  }

  void ApplyNext(size_t size = 4) {
    const RetainedStep& head = state_.retained.back();
    state_.retained.push_back(
        {head.step + 1, NextDigest(head.digest, Stream(size), 0)});
    applied_ += static_cast<int32_t>(size);
  }

  void SetTail(size_t size) { state_.tail = Stream(size); }

  // The next `size` tokens after what is applied.
  Tokens Stream(size_t size) const { return Range(applied_, size); }
  static Tokens Range(int32_t first, size_t size) {
    Tokens tokens;
    for (size_t i = 0; i < size; ++i) {
      tokens.push_back(first + static_cast<int32_t>(i));
    }
    return tokens;
  }

  Position At(size_t step, uint64_t tail = 0) const {
    const RetainedStep& retained = state_.retained[step];
    return {{"s", retained.step, retained.digest}, tail};
  }

  static SegmentRequest Request(std::optional<Position> at, Tokens tokens,
                                std::optional<uint64_t> flush = {}) {
    SegmentRequest request;
    request.at = std::move(at);
    request.tokens = std::move(tokens);
    request.flush_tail = flush;
    return request;
  }

  absl::StatusOr<Placement> PlaceOne(const SegmentRequest& request) {
    return Place(state_, Cursor(), request);
  }

  StreamState state_;
  int32_t applied_ = 0;
};

TEST_F(PlacementTest, CutsTailAndTokensIntoSegmentsAndKeepsTheRest) {
  SetTail(3);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0, 3), Range(3, 7))));
  EXPECT_THAT(placement.segments, ElementsAre(Range(0, 4), Range(4, 4)));
  EXPECT_EQ(placement.tail, Range(8, 2));
  EXPECT_EQ(placement.next_tail, 2u);
}

TEST_F(PlacementTest, TokensThatOverlapTheTailAreComparedAndSkipped) {
  SetTail(3);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0, 1), Range(1, 4))));
  EXPECT_THAT(placement.segments, ElementsAre(Range(0, 4)));
  EXPECT_EQ(placement.tail, Range(4, 1));
}

TEST_F(PlacementTest, APartOfTheTailSentAgainChangesNothing) {
  SetTail(3);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0, 0), Range(0, 2))));
  EXPECT_THAT(placement.segments, IsEmpty());
  EXPECT_EQ(placement.tail, Range(0, 3));
  EXPECT_EQ(placement.next_tail, 2u);
}

TEST_F(PlacementTest, OtherTokensThanTheTailConflict) {
  SetTail(3);
  EXPECT_THAT(PlaceOne(Request(At(0, 0), {0, 9})),
              StatusIs(absl::StatusCode::kAborted));
}

TEST_F(PlacementTest, ATailThatTheServerLostConflictsAndSaysWhereItIs) {
  const auto placement = PlaceOne(Request(At(0, 2), Range(2, 2)));
  EXPECT_THAT(placement, StatusIs(absl::StatusCode::kAborted));
  const ErrorInfo info = GetErrorInfo(placement.status());
  EXPECT_EQ(info.reason, "VERSION_CONFLICT");
  EXPECT_EQ(info.metadata.at("tail"), "0");
  EXPECT_EQ(info.metadata.at("head"), At(0).handle.ToString());
}

TEST_F(PlacementTest, AMessageAppliedBeforeIsAnsweredAgain) {
  ApplyNext();
  ApplyNext();
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0), Range(0, 8))));
  ASSERT_THAT(placement.replays, SizeIs(2));
  EXPECT_EQ(placement.replays[0].applied, state_.retained[1]);
  EXPECT_EQ(placement.replays[0].parent, state_.retained[0]);
  EXPECT_EQ(placement.replays[1].tokens, Range(4, 4));
  EXPECT_THAT(placement.segments, IsEmpty());
  EXPECT_TRUE(placement.reaches_head);
}

TEST_F(PlacementTest, AHalfAppliedMessageIsFinished) {
  ApplyNext();
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0), Range(0, 10))));
  EXPECT_THAT(placement.replays, SizeIs(1));
  EXPECT_THAT(placement.segments, ElementsAre(Range(4, 4)));
  EXPECT_EQ(placement.tail, Range(8, 2));
}

TEST_F(PlacementTest, AReplayOverlapsTheTailToo) {
  ApplyNext();
  SetTail(3);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0), Range(0, 6))));
  EXPECT_THAT(placement.replays, SizeIs(1));
  EXPECT_EQ(placement.tail, Range(4, 3));
  EXPECT_EQ(placement.next_tail, 2u);
}

TEST_F(PlacementTest, OtherTokensThanWereAppliedConflict) {
  ApplyNext();
  EXPECT_THAT(PlaceOne(Request(At(0), Range(1, 4))),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("step 1")));
}

TEST_F(PlacementTest, BehindTheHeadATailCannotBeChecked) {
  ApplyNext();
  EXPECT_THAT(PlaceOne(Request(At(0, 2), Range(2, 2))),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("tail of 0")));
}

TEST_F(PlacementTest, AReplayMayStopBehindTheHeadAndGoOn) {
  ApplyNext();
  ApplyNext();
  Cursor cursor;
  SegmentRequest request = Request(At(0), Range(0, 6));
  ASSERT_OK_AND_ASSIGN(Placement placement, Place(state_, cursor, request));
  EXPECT_THAT(placement.replays, SizeIs(1));
  EXPECT_FALSE(placement.reaches_head);
  EXPECT_EQ(placement.behind, state_.retained[1]);
  EXPECT_EQ(placement.pending, Range(4, 2));
  cursor.started = true;
  cursor.next = At(1);
  cursor.pending = placement.pending;
  request = Request({}, Range(6, 4));
  ASSERT_OK_AND_ASSIGN(placement, Place(state_, cursor, request));
  ASSERT_THAT(placement.replays, SizeIs(1));
  EXPECT_EQ(placement.replays[0].tokens, Range(4, 4));
  EXPECT_TRUE(placement.reaches_head);
  EXPECT_EQ(placement.tail, Range(8, 2));
}

TEST_F(PlacementTest, AFlushAppliesAShortSegment) {
  SetTail(1);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0, 1), Range(1, 5), 2)));
  EXPECT_THAT(placement.segments, ElementsAre(Range(0, 4), Range(4, 2)));
  EXPECT_THAT(placement.tail, IsEmpty());
}

TEST_F(PlacementTest, AFlushOfAnotherTailThanNamedConflicts) {
  SetTail(1);
  EXPECT_THAT(PlaceOne(Request(At(0, 1), Range(1, 1), 3)),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("flush.tail")));
}

TEST_F(PlacementTest, AFlushOfAnEmptyTailDoesNothing) {
  ApplyNext();
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(1), {}, 3)));
  EXPECT_THAT(placement.segments, IsEmpty());
}

TEST_F(PlacementTest, AFlushedSegmentIsRecognisedAgain) {
  ApplyNext();
  ApplyNext(2);
  SetTail(3);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0), Range(0, 6), 2)));
  EXPECT_THAT(placement.replays, SizeIs(2));
  EXPECT_THAT(placement.segments, IsEmpty());
  EXPECT_EQ(placement.tail, Range(6, 3));
  EXPECT_EQ(placement.next_tail, 0u);
}

TEST_F(PlacementTest, AFlushInsideATailThatGoesOnConflicts) {
  SetTail(3);
  EXPECT_THAT(PlaceOne(Request(At(0), Range(0, 2), 2)),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("flush")));
}

TEST_F(PlacementTest, WithoutAtTokensAreAppended) {
  ApplyNext();
  SetTail(2);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request({}, Range(6, 2))));
  EXPECT_THAT(placement.segments, ElementsAre(Range(4, 4)));
}

TEST_F(PlacementTest, AStreamThatBeganBlindStaysBlind) {
  ApplyNext();
  Cursor cursor;
  cursor.started = true;
  cursor.blind = true;
  cursor.next = At(0);
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       Place(state_, cursor, Request({}, Range(4, 4))));
  EXPECT_THAT(placement.segments, ElementsAre(Range(4, 4)));
}

TEST_F(PlacementTest, AStreamWhoseSessionMovedConflicts) {
  ApplyNext();
  Cursor cursor;
  cursor.started = true;
  cursor.next = At(0);
  EXPECT_THAT(Place(state_, cursor, Request({}, {9, 9, 9, 9})),
              StatusIs(absl::StatusCode::kAborted));
}

TEST_F(PlacementTest, AHandleOlderThanRetentionIsNotRetained) {
  ApplyNext();
  ApplyNext();
  const Position oldest = At(0);
  state_.retained.erase(state_.retained.begin());
  state_.first_reply = 2;
  const auto placement = PlaceOne(Request(oldest, Range(0, 8)));
  EXPECT_THAT(placement, StatusIs(absl::StatusCode::kFailedPrecondition,
                                  HasSubstr("the oldest is step 1")));
  EXPECT_EQ(GetErrorInfo(placement.status()).reason, "NOT_RETAINED");
}

// Values between the start of a long message and the newest ones are gone.
TEST_F(PlacementTest, AMessageIsFoundAgainThoughItsMiddleIsNotRetained) {
  for (int i = 0; i < 5; ++i) ApplyNext();
  const std::vector<RetainedStep> all = state_.retained;
  state_.retained = {all[0], all[4], all[5]};
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(At(0), Range(0, 22))));
  ASSERT_THAT(placement.replays, SizeIs(5));
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(placement.replays[i].applied, all[i + 1]);
    EXPECT_EQ(placement.replays[i].parent, all[i]);
  }
  EXPECT_EQ(placement.tail, Range(20, 2));
  Tokens other = Range(0, 20);
  other[5] = 99;
  EXPECT_THAT(PlaceOne(Request(At(0), other)),
              StatusIs(absl::StatusCode::kAborted, HasSubstr("step 4")));
}

TEST_F(PlacementTest, AStreamGoesOnFromThere) {
  for (int i = 0; i < 5; ++i) ApplyNext();
  const std::vector<RetainedStep> all = state_.retained;
  state_.retained = {all[0], all[5]};
  ASSERT_OK_AND_ASSIGN(Placement placement,
                       PlaceOne(Request(At(0), Range(0, 8))));
  EXPECT_FALSE(placement.unverified.has_value());
  EXPECT_FALSE(placement.reaches_head);
  EXPECT_EQ(placement.behind, all[2]);
  Cursor cursor;
  cursor.started = true;
  cursor.next = {{"s", 2, all[2].digest}, 0};
  ASSERT_OK_AND_ASSIGN(placement,
                       Place(state_, cursor, Request({}, Range(8, 12))));
  EXPECT_THAT(placement.replays, SizeIs(3));
  EXPECT_TRUE(placement.reaches_head);
  // The session may have been rolled back since.
  EXPECT_EQ(placement.unverified, all[2]);
}

TEST_F(PlacementTest, AHandleBetweenRetainedValuesIsToBeVerified) {
  for (int i = 0; i < 5; ++i) ApplyNext();
  const std::vector<RetainedStep> all = state_.retained;
  state_.retained = {all[0], all[5]};
  const Position inside = {{"s", 2, all[2].digest}, 0};
  ASSERT_OK_AND_ASSIGN(const Placement placement,
                       PlaceOne(Request(inside, Range(8, 2))));
  EXPECT_EQ(placement.unverified, all[2]);
}

TEST_F(PlacementTest, AHandleThatNeverWasConflicts) {
  ApplyNext();
  Position other = At(1);
  other.handle.digest[5] ^= 1;
  EXPECT_THAT(PlaceOne(Request(other, {})),
              StatusIs(absl::StatusCode::kAborted));
  other = At(1);
  other.handle.step = 2;
  EXPECT_THAT(PlaceOne(Request(other, {})),
              StatusIs(absl::StatusCode::kAborted));
  other = At(1);
  other.handle.session_id = "t";
  EXPECT_THAT(
      PlaceOne(Request(other, {})),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at.handle")));
}

// However a stream is cut into messages, the same segments are applied.
TEST_F(PlacementTest, SegmentsDoNotDependOnTheMessages) {
  for (size_t message = 1; message <= 9; ++message) {
    StreamState state = state_;
    std::vector<Tokens> segments;
    for (size_t sent = 0; sent < 36; sent += message) {
      const size_t size = std::min(message, 36 - sent);
      ASSERT_OK_AND_ASSIGN(
          Placement placement,
          Place(state, Cursor(),
                Request({}, Range(static_cast<int32_t>(sent), size))));
      segments.insert(segments.end(), placement.segments.begin(),
                      placement.segments.end());
      state.tail = placement.tail;
    }
    EXPECT_THAT(segments, SizeIs(9)) << message;
    EXPECT_EQ(segments.back(), Range(32, 4)) << message;
  }
}

}  // namespace
}  // namespace mneme
