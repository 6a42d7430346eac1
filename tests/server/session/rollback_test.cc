#include "server/session/rollback.h"

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"
#include "tests/server/store/gated_store.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class RollbackTest : public SessionFixture {
 protected:
  using Answer = Pending<absl::StatusOr<SessionInfo>>;

  RollbackTest() {
    EXPECT_OK(Open("s"));
    handles_.push_back(At("s").handle);
  }

  // A segment of its own.
  void Apply(int32_t first) {
    ASSERT_OK(Send("s", Request(At("s"), Range(first, 4))).Get());
    handles_.push_back(At("s").handle);
  }

  Answer Start(MemoryHandle to,
               std::optional<MemoryHandle> expected = std::nullopt,
               const CursorRef& cursor = std::make_shared<Cursor>()) {
    Answer answer;
    manager_->Rollback(Key("s"), cursor, std::move(to), std::move(expected),
                       answer.Setter());
    return answer;
  }

  absl::StatusOr<SessionInfo> Rollback(
      const MemoryHandle& to,
      std::optional<MemoryHandle> expected = std::nullopt) {
    return Start(to, std::move(expected)).Get();
  }

  std::vector<MemoryHandle> handles_;  // by step
};

TEST_F(RollbackTest, GoesOnFromTheValueAsIfNothingHadFollowed) {
  for (int32_t i = 0; i < 3; ++i) Apply(4 * i);
  ASSERT_OK_AND_ASSIGN(const SessionInfo info, Rollback(handles_[1]));
  EXPECT_EQ(info.head, (Position{handles_[1], 0}));
  EXPECT_EQ(info.durable, handles_[1]);
  EXPECT_THAT(info.retained, ElementsAre(handles_[0], handles_[1]));
  const size_t steps = model_.batches().size();
  const auto reply = Send("s", Request(At("s"), Range(50, 4))).Get();
  ASSERT_OK(reply);
  std::vector<int32_t> tokens = Range(0, 4);
  for (const int32_t token : Range(50, 4)) tokens.push_back(token);
  EXPECT_EQ(LastSum(reply), Oracle(tokens));
  EXPECT_EQ(reply->head.handle.step, 2u);
  EXPECT_EQ(model_.batches().size(), steps + 1);
}

TEST_F(RollbackTest, ARestartFindsTheSessionWhereItWasTakenBack) {
  for (int32_t i = 0; i < 3; ++i) Apply(4 * i);
  ASSERT_OK(Rollback(handles_[1]));
  Restart();
  EXPECT_EQ(At("s"), (Position{handles_[1], 0}));
  EXPECT_THAT(RetainedSteps("s"), ElementsAre(0, 1));
  const auto reply = Send("s", Request(At("s"), Range(4, 4))).Get();
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 8)));
  EXPECT_EQ(reply->head.handle, handles_[2]);
}

TEST_F(RollbackTest, WhatCameAfterIsGoneFromTheStore) {
  for (int32_t i = 0; i < 3; ++i) Apply(4 * i);
  ASSERT_OK(Rollback(handles_[1]));
  for (const uint64_t step : {uint64_t{2}, uint64_t{3}}) {
    EXPECT_THAT(StoredValueOf(handles_[step]), StatusIs(StatusCode::kNotFound));
    EXPECT_THAT(StoredReplyOf(step), StatusIs(StatusCode::kNotFound));
  }
  EXPECT_THAT(StoredReplyOf(1), IsOk());
}

TEST_F(RollbackTest, TheInitialMemoryIsAValueToo) {
  Apply(0);
  ASSERT_OK(Rollback(handles_[0]));
  const auto reply = Send("s", Request(At("s"), Range(9, 4))).Get();
  EXPECT_EQ(LastSum(reply), Oracle(Range(9, 4)));
}

TEST_F(RollbackTest, TheTailIsForgotten) {
  Apply(0);
  Apply(4);
  for (const MemoryHandle& to : {handles_[2], handles_[1]}) {
    ASSERT_OK(Send("s", Request(At("s"), Range(8, 3))).Get());
    ASSERT_EQ(At("s").tail, 3u);
    ASSERT_OK(Rollback(to));
    EXPECT_EQ(At("s"), (Position{to, 0}));
  }
}

TEST_F(RollbackTest, ARetryChangesNothing) {
  for (int32_t i = 0; i < 3; ++i) Apply(4 * i);
  ASSERT_OK(Rollback(handles_[1], handles_[3]));
  EXPECT_THAT(Rollback(handles_[1], handles_[3]), IsOk());
  EXPECT_EQ(At("s"), (Position{handles_[1], 0}));
  // What another did since stays, a tail too.
  ASSERT_OK(Send("s", Request(At("s"), Range(60, 3))).Get());
  EXPECT_THAT(Rollback(handles_[1], handles_[3]),
              StatusIs(StatusCode::kAborted));
  EXPECT_EQ(At("s"), (Position{handles_[1], 3}));
}

TEST_F(RollbackTest, AMessageFromBeforeTheValueCanStillBeRetried) {
  const Position start = At("s");
  ASSERT_OK(Send("s", Request(start, Range(0, 12))).Get());
  const MemoryHandle second = manager_->Get(Key("s"))->retained[2];
  ASSERT_OK(Rollback(second));
  const auto again = Send("s", Request(start, Range(0, 12))).Get();
  ASSERT_OK(again);
  EXPECT_EQ(again->segments[1].source, SegmentSource::kKept);
  EXPECT_EQ(again->segments[2].source, SegmentSource::kComputed);
  EXPECT_EQ(LastSum(again), Oracle(Range(0, 12)));
}

TEST_F(RollbackTest, AStreamThatStandsLaterIsToldOfAConflict) {
  const auto cursor = std::make_shared<Cursor>();
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 8)), cursor).Get());
  const MemoryHandle first = manager_->Get(Key("s"))->retained[1];
  ASSERT_OK(Rollback(first));
  const auto next = Send("s", Request(std::nullopt, Range(8, 4)), cursor).Get();
  EXPECT_EQ(GetErrorInfo(next.status()).reason, "VERSION_CONFLICT");
  EXPECT_EQ(GetErrorInfo(next.status()).metadata["head"], first.ToString());
}

TEST_F(RollbackTest, WaitsForTheMessagesBefore) {
  Apply(0);
  model_.Hold();
  const Reply message = Send("s", Request(At("s"), Range(4, 4)));
  model_.AwaitHeld();
  const Answer rollback = Start(handles_[1]);
  EXPECT_FALSE(rollback.ready());
  model_.Release();
  ASSERT_OK(message.Get());
  ASSERT_OK(rollback.Get());
  EXPECT_EQ(At("s"), (Position{handles_[1], 0}));
}

TEST_F(RollbackTest, ACallerThatIsGoneChangesNothing) {
  Apply(0);
  model_.Hold();
  const Reply message = Send("s", Request(At("s"), Range(4, 4)));
  model_.AwaitHeld();
  const auto cursor = std::make_shared<Cursor>();
  const Answer rollback = Start(handles_[0], std::nullopt, cursor);
  cursor->cancelled = true;
  model_.Release();
  ASSERT_OK(message.Get());
  EXPECT_THAT(rollback.Get(), StatusIs(StatusCode::kCancelled));
  EXPECT_EQ(At("s").handle.step, 2u);
}

TEST_F(RollbackTest, CloseRefusesTheOneThatWaits) {
  Apply(0);
  model_.Hold();
  const Reply message = Send("s", Request(At("s"), Range(4, 4)));
  model_.AwaitHeld();
  const Answer rollback = Start(handles_[0]);
  Pending<absl::StatusOr<MemoryHandle>> closed;
  manager_->Close(Key("s"), closed.Setter());
  EXPECT_EQ(GetErrorInfo(rollback.Get().status()).reason, "CLOSING");
  model_.Release();
  EXPECT_THAT(closed.Get(), IsOk());
}

TEST_F(RollbackTest, AStoreThatFailsLeavesTheSessionWhereItWas) {
  auto store = std::make_unique<GatedStore>();
  GatedStore* const gated = store.get();
  UseStore(std::move(store));
  ASSERT_OK(Open("s"));
  Apply(0);
  Apply(4);
  gated->FailWith(absl::UnavailableError("disk"));
  EXPECT_THAT(Rollback(handles_[1]), StatusIs(StatusCode::kUnavailable));
  gated->FailWith(absl::OkStatus());
  EXPECT_EQ(At("s").handle, handles_[2]);
  const auto reply = Send("s", Request(At("s"), Range(8, 4))).Get();
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 12)));
}

TEST_F(RollbackTest, AStreamInTheMiddleOfAReplayIsToldOfAConflict) {
  limits_.retention = {2, 2};
  Restart();
  const Position start = At("s");
  ASSERT_OK(Send("s", Request(start, Range(0, 40))).Get());
  std::vector<CursorRef> streams;
  for (int i = 0; i < 2; ++i) {
    streams.push_back(std::make_shared<Cursor>());
    ASSERT_OK(Send("s", Request(start, Range(0, 12)), streams.back()).Get());
  }
  ASSERT_OK(Rollback(start.handle));
  ASSERT_OK(Send("s", Request(At("s"), Range(100, 40))).Get());
  // Step 3 lies between retained values again, made of other tokens.
  const auto whole =
      Send("s", Request(std::nullopt, Range(12, 4)), streams[0]).Get();
  EXPECT_EQ(GetErrorInfo(whole.status()).reason, "VERSION_CONFLICT");
  const auto part =
      Send("s", Request(std::nullopt, Range(12, 1)), streams[1]).Get();
  EXPECT_EQ(GetErrorInfo(part.status()).reason, "VERSION_CONFLICT");
}

TEST_F(RollbackTest, AnotherHeadThanExpectedIsAConflict) {
  for (int32_t i = 0; i < 3; ++i) Apply(4 * i);
  const auto answer = Rollback(handles_[1], handles_[2]);
  EXPECT_THAT(answer,
              StatusIs(StatusCode::kAborted, HasSubstr("expected_head")));
  EXPECT_EQ(GetErrorInfo(answer.status()).metadata["head"],
            handles_[3].ToString());
  EXPECT_EQ(At("s").handle, handles_[3]);
}

TEST_F(RollbackTest, AHandleThatNeverWasIsAConflict) {
  Apply(0);
  Apply(4);
  MemoryHandle other = handles_[1];
  other.digest[0] ^= 1;
  EXPECT_THAT(Rollback(other),
              StatusIs(StatusCode::kAborted, HasSubstr("other tokens")));
  other.step = 7;
  EXPECT_THAT(Rollback(other),
              StatusIs(StatusCode::kAborted, HasSubstr("so far")));
  EXPECT_EQ(At("s").handle, handles_[2]);
}

TEST_F(RollbackTest, AValueThatIsGoneIsNotRetained) {
  limits_.retention = {2, 1};
  Restart();
  for (int32_t i = 0; i < 4; ++i) Apply(4 * i);
  const auto answer = Rollback(handles_[1]);
  EXPECT_THAT(answer, StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorInfo(answer.status()).reason, "NOT_RETAINED");
}

TEST_F(RollbackTest, AnUnknownOrClosedSessionIsNotFound) {
  const MemoryHandle start = handles_[0];
  ASSERT_OK(Close("s"));
  EXPECT_THAT(Rollback(start), StatusIs(StatusCode::kNotFound));
}

}  // namespace
}  // namespace mneme
