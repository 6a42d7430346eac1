#include "server/session/fork_call.h"

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"
#include "tests/server/store/gated_store.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class ForkCallTest : public SessionFixture {
 protected:
  using Answer = Pending<absl::StatusOr<SessionInfo>>;

  ForkCallTest() { EXPECT_OK(Open("s")); }

  void Apply(const std::string& id, int32_t first, int32_t size = 4) {
    ASSERT_OK(Send(id, Request(At(id), Range(first, size))).Get());
  }
  Answer Start(const std::string& id, const std::string& fork,
               std::optional<MemoryHandle> from = std::nullopt,
               const CursorRef& cursor = std::make_shared<Cursor>()) {
    Answer answer;
    manager_->Fork(Key(id), cursor, std::move(from), fork, answer.Setter());
    return answer;
  }
  absl::StatusOr<SessionInfo> Fork(
      const std::string& id, const std::string& fork,
      std::optional<MemoryHandle> from = std::nullopt) {
    return Start(id, fork, std::move(from)).Get();
  }
  // What the session's next segment gives, which tells its whole past.
  int64_t SumAfter(const std::string& id, int32_t first) {
    return LastSum(Send(id, Request(At(id), Range(first, 4))).Get());
  }
};

TEST_F(ForkCallTest, AForkBeginsWithItsParentsHead) {
  Apply("s", 0, 8);
  ASSERT_OK_AND_ASSIGN(const SessionInfo fork, Fork("s", "f"));
  EXPECT_EQ(fork.key, Key("f"));
  EXPECT_EQ(fork.head.handle.session_id, "f");
  EXPECT_EQ(fork.head.handle.step, 2u);
  EXPECT_EQ(fork.head.handle.digest, At("s").handle.digest);
  EXPECT_EQ(fork.head.tail, 0u);
  EXPECT_THAT(RetainedSteps("f"), ElementsAre(2));
  EXPECT_EQ(fork.model, "fake");
  EXPECT_EQ(SumAfter("f", 8), Oracle(Range(0, 12)));
}

TEST_F(ForkCallTest, EachGoesItsOwnWay) {
  Apply("s", 0);
  ASSERT_OK(Fork("s", "f"));
  Apply("f", 100);
  Apply("s", 4);
  EXPECT_EQ(SumAfter("s", 8), Oracle(Range(0, 12)));
  std::vector<int32_t> other = Range(0, 4);
  for (const int32_t token : Range(100, 4)) other.push_back(token);
  for (const int32_t token : Range(7, 4)) other.push_back(token);
  EXPECT_EQ(SumAfter("f", 7), Oracle(other));
}

TEST_F(ForkCallTest, TheSameTokensLeadBothToTheSameDigest) {
  Apply("s", 0);
  ASSERT_OK(Fork("s", "f"));
  Apply("s", 4);
  Apply("f", 4);
  EXPECT_EQ(At("s").handle.digest, At("f").handle.digest);
  ASSERT_OK(Close("s"));
  Restart();
  EXPECT_EQ(SumAfter("f", 8), Oracle(Range(0, 12)));
}

TEST_F(ForkCallTest, AnyRetainedValueCanBeForked) {
  Apply("s", 0, 12);
  const SessionInfo info = *manager_->Get(Key("s"));
  for (const MemoryHandle& from : info.retained) {
    const std::string id = absl::StrCat("f", from.step);
    ASSERT_OK_AND_ASSIGN(const SessionInfo fork, Fork("s", id, from));
    EXPECT_EQ(fork.head.handle.digest, from.digest);
    const auto applied = static_cast<int32_t>(4 * from.step);
    EXPECT_EQ(SumAfter(id, applied), Oracle(Range(0, applied + 4)));
  }
}

TEST_F(ForkCallTest, NeitherMissesWhatTheOtherLetsGo) {
  limits_.retention = {1, 1};
  Restart();
  Apply("s", 0);
  ASSERT_OK(Fork("s", "f"));
  ASSERT_OK(Fork("f", "g"));
  for (int32_t i = 1; i < 6; ++i) Apply("s", 4 * i);
  ASSERT_OK(Close("s"));
  Restart();
  EXPECT_EQ(SumAfter("f", 4), Oracle(Range(0, 8)));
  ASSERT_OK(Close("f"));
  Restart();
  EXPECT_EQ(SumAfter("g", 4), Oracle(Range(0, 8)));
  ASSERT_OK(Close("g"));
  EXPECT_TRUE(store_->LoadRecords()->records.empty());
}

TEST_F(ForkCallTest, AForkIsThereAfterARestart) {
  Apply("s", 0);
  ASSERT_OK(Fork("s", "f"));
  Restart();
  EXPECT_THAT(RetainedSteps("f"), ElementsAre(1));
  EXPECT_EQ(SumAfter("f", 4), Oracle(Range(0, 8)));
}

TEST_F(ForkCallTest, OneOfTheInitialMemorySharesNothing) {
  ASSERT_OK(Fork("s", "f"));
  EXPECT_EQ(At("f").handle.digest, At("s").handle.digest);
  EXPECT_EQ(SumAfter("f", 0), Oracle(Range(0, 4)));
}

TEST_F(ForkCallTest, WaitsForTheMessagesBefore) {
  model_.Hold();
  const Reply message = Send("s", Request(At("s"), Range(0, 4)));
  model_.AwaitHeld();
  const Answer fork = Start("s", "f");
  model_.Release();
  ASSERT_OK(message.Get());
  ASSERT_OK(fork.Get());
  EXPECT_EQ(At("f").handle.step, 1u);
}

TEST_F(ForkCallTest, ACallerThatIsGoneGetsNoFork) {
  model_.Hold();
  const Reply message = Send("s", Request(At("s"), Range(0, 4)));
  model_.AwaitHeld();
  const CursorRef cursor = std::make_shared<Cursor>();
  const Answer fork = Start("s", "f", std::nullopt, cursor);
  cursor->cancelled = true;
  model_.Release();
  ASSERT_OK(message.Get());
  EXPECT_THAT(fork.Get(), StatusIs(StatusCode::kCancelled));
  EXPECT_THAT(manager_->Get(Key("f")), StatusIs(StatusCode::kNotFound));
}

TEST_F(ForkCallTest, WhatIsNotRetainedIsRefused) {
  limits_.retention = {2, 1};
  Restart();
  const MemoryHandle start = At("s").handle;
  for (int32_t i = 0; i < 4; ++i) Apply("s", 4 * i);
  const auto gone = Fork("s", "f", start);
  EXPECT_THAT(gone, StatusIs(StatusCode::kFailedPrecondition,
                             HasSubstr("from: the value of step 0")));
  EXPECT_EQ(GetErrorInfo(gone.status()).reason, "NOT_RETAINED");
  MemoryHandle other = At("s").handle;
  other.digest.fill(1);
  EXPECT_THAT(Fork("s", "f", other), StatusIs(StatusCode::kAborted));
  other.step = 99;
  EXPECT_THAT(Fork("s", "f", other), StatusIs(StatusCode::kAborted));
  EXPECT_THAT(manager_->Get(Key("f")), StatusIs(StatusCode::kNotFound));
}

TEST_F(ForkCallTest, BadAndUsedIdsAreRefusedByField) {
  EXPECT_THAT(Fork("s", "not an id"),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("fork_id")));
  EXPECT_THAT(Fork("s", "s"), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(Fork("none", "f"), StatusIs(StatusCode::kNotFound));
  limits_.sessions = 1;
  Restart();
  EXPECT_THAT(Fork("s", "f"), StatusIs(StatusCode::kResourceExhausted));
  EXPECT_OK(Send("s", Request(At("s"), Range(0, 4))).Get());
}

TEST_F(ForkCallTest, AStoreThatFailsLeavesNoFork) {
  auto store = std::make_unique<GatedStore>();
  GatedStore* const gated = store.get();
  UseStore(std::move(store));
  ASSERT_OK(Open("s"));
  Apply("s", 0);
  gated->FailWith(MakeError(StatusCode::kUnavailable, "STORE_DOWN", "no disk"));
  EXPECT_THAT(Fork("s", "f"), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(Fetch("f"), StatusIs(StatusCode::kUnavailable)) << "in doubt";
  gated->FailWith(absl::OkStatus());
  EXPECT_THAT(Fetch("f"), StatusIs(StatusCode::kNotFound));
  EXPECT_OK(Fork("s", "f"));
  EXPECT_EQ(SumAfter("f", 4), Oracle(Range(0, 8)));
}

}  // namespace
}  // namespace mneme
