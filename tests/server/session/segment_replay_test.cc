#include "server/base/error_info.h"
#include "server/session/segment_call.h"
#include "tests/server/session/session_fixture.h"
#include "tests/server/store/gated_store.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

// A message of ten segments is sent again, in a session that retains the value
// it began with and the newest three.
class SegmentReplayTest : public SessionFixture {
 protected:
  void SendFirst() {
    limits_.retention = {3, 2};
    Restart();
    ASSERT_OK(Open("s"));
    start_ = At("s");
    ASSERT_OK(Send("s", Request(start_, Range(0, 40))).Get());
  }

  Position start_;
};

TEST_F(SegmentReplayTest, BehindTheHeadDurableIsAPlaceToResumeFrom) {
  limits_.kept_reply_bytes = 10;  // none is kept
  SendFirst();
  const auto interrupted = Send("s", Request(start_, Range(0, 22))).Get();
  ASSERT_OK(interrupted);
  EXPECT_EQ(interrupted->head.handle.step, 10u);
  EXPECT_EQ(interrupted->next.handle.step, 5u);
  EXPECT_EQ(interrupted->durable, start_.handle);
  const auto done = static_cast<int32_t>(interrupted->durable.step);
  const auto again = Send("s", Request(Position{interrupted->durable, 0},
                                       Range(4 * done, 40 - 4 * done)))
                         .Get();
  ASSERT_OK(again);
  ASSERT_THAT(again->segments, SizeIs(10));
  for (int32_t i = 0; i < 10; ++i) {
    const auto& outputs = again->segments[static_cast<size_t>(i)].outputs;
    EXPECT_EQ(Int64s(outputs[0]).back(), Oracle(Range(0, 4 * i + 4)));
  }
  EXPECT_EQ(again->durable, again->head.handle);
}

TEST_F(SegmentReplayTest, AMadeUpHandleBetweenRetainedValuesConflicts) {
  SendFirst();
  const auto whole = Send("s", Request(start_, Range(0, 40))).Get();
  ASSERT_OK(whole);
  Position inside = {whole->segments[3].handle, 0};
  EXPECT_OK(Send("s", Request(inside, Range(16, 2))).Get());
  inside.handle.digest[7] ^= 1;
  for (const int32_t tokens : {0, 2, 4}) {
    const auto reply = Send("s", Request(inside, Range(16, tokens))).Get();
    EXPECT_THAT(reply,
                StatusIs(absl::StatusCode::kAborted, HasSubstr("at.handle")));
    EXPECT_EQ(GetErrorInfo(reply.status()).reason, "VERSION_CONFLICT");
  }
}

TEST_F(SegmentReplayTest, IntermediateStepsAskTheDeviceForNothing) {
  limits_.kept_reply_bytes = 10;
  SendFirst();
  const CursorRef cursor = std::make_shared<Cursor>();
  // Asks for nothing, so that no memory of the way is at hand.
  ASSERT_OK(Send("s", Request(start_, Range(0, 12), {})).Get());
  const size_t before = model_.asked().size();
  ASSERT_OK(Send("s", Request(start_, Range(0, 16), {}), cursor).Get());
  EXPECT_EQ(model_.asked().size(), before);
  const auto rest = Send("s", Request({}, Range(16, 4)), cursor).Get();
  ASSERT_OK(rest);
  EXPECT_EQ(LastSum(rest), Oracle(Range(0, 20)));
  EXPECT_THAT(std::vector<size_t>(
                  model_.asked().begin() + static_cast<ptrdiff_t>(before),
                  model_.asked().end()),
              ElementsAre(0, 0, 0, 0, 1));
}

// The store is held up by a commit of session "t" while "s" reads its replies.
class HeldReplayTest : public SegmentReplayTest {
 protected:
  HeldReplayTest() {
    auto store = std::make_unique<GatedStore>();
    gate_ = store.get();
    UseStore(std::move(store));
    SendFirst();
    EXPECT_OK(Open("t"));
    gate_->Close();
    other_ = Send("t", Request({}, Range(0, 4)));
    gate_->AwaitArrival();
  }

  GatedStore* gate_ = nullptr;
  Reply other_;
};

TEST_F(HeldReplayTest, ACancelledReplayEnds) {
  const CursorRef cursor = std::make_shared<Cursor>();
  const Reply reply = Send("s", Request(start_, Range(0, 40)), cursor);
  cursor->cancelled = true;
  gate_->Open();
  EXPECT_THAT(reply.Get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(At("s").handle.step, 10u);
}

TEST_F(HeldReplayTest, AReplayEndsAtItsDeadline) {
  SegmentRequest request = Request(start_, Range(0, 40));
  request.deadline = clock_.Monotonic() + absl::Seconds(1);
  const Reply reply = Send("s", std::move(request));
  clock_.Advance(absl::Seconds(2));
  gate_->Open();
  EXPECT_THAT(reply.Get(), StatusIs(absl::StatusCode::kDeadlineExceeded));
}

TEST_F(HeldReplayTest, CloseDoesNotWaitForTheWholeReplay) {
  const Reply reply = Send("s", Request(start_, Range(0, 40)));
  Pending<absl::StatusOr<MemoryHandle>> last;
  manager_->Close(Key("s"), last.Setter());
  gate_->Open();
  EXPECT_THAT(reply.Get(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorInfo(reply.Get().status()).reason, "CLOSING");
  EXPECT_OK(last.Get());
}

TEST_F(SegmentReplayTest, SegmentsAreCountedThoughTheirMessageFails) {
  SendFirst();
  EXPECT_EQ(observer_.segments(SegmentSource::kComputed), 10);
  model_.Hold();
  const CursorRef cursor = std::make_shared<Cursor>();
  const Reply reply = Send("s", Request(start_, Range(0, 52)), cursor);
  model_.AwaitHeld();
  cursor->cancelled = true;
  model_.Release();
  ASSERT_THAT(reply.Get(), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_EQ(observer_.segments(SegmentSource::kKept), 10);
  EXPECT_EQ(observer_.segments(SegmentSource::kComputed), 11);
  EXPECT_EQ(observer_.requests(), 2);
}

}  // namespace
}  // namespace mneme
