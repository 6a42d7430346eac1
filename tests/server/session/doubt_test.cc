// Commits of which nobody knows what became of them: the store is asked before
// the session goes on.

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"
#include "tests/server/store/gated_store.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;

class DoubtTest : public SessionFixture {
 protected:
  DoubtTest() {
    auto store = std::make_unique<GatedStore>();
    gated_ = store.get();
    UseStore(std::move(store));
    EXPECT_OK(Open("s"));
  }

  static absl::Status Down() {
    return MakeError(StatusCode::kUnavailable, "STORE_DOWN", "no answer came");
  }
  int Reloads() const {
    const std::vector<std::string> calls = gated_->calls();
    return static_cast<int>(std::count(calls.begin(), calls.end(), "reload s"));
  }

  GatedStore* gated_ = nullptr;
};

TEST_F(DoubtTest, ARetryFindsTheStepThatWasCommittedAfterAll) {
  const Position start = At("s");
  gated_->LoseAnswerWith(Down());
  EXPECT_THAT(Send("s", Request(start, Range(0, 4))).Get(),
              StatusIs(StatusCode::kUnavailable));
  const auto retry = Send("s", Request(start, Range(0, 8))).Get();
  ASSERT_OK(retry);
  ASSERT_EQ(retry->segments.size(), 2u);
  EXPECT_EQ(retry->segments[0].source, SegmentSource::kKept);
  EXPECT_EQ(retry->segments[1].source, SegmentSource::kComputed);
  EXPECT_EQ(LastSum(retry), Oracle(Range(0, 8)));
  EXPECT_EQ(retry->head.handle.step, 2u);
  EXPECT_EQ(Reloads(), 1);
}

TEST_F(DoubtTest, ARetryAppliesTheStepThatWasNotCommitted) {
  const Position start = At("s");
  gated_->FailWith(Down());
  EXPECT_THAT(Send("s", Request(start, Range(0, 4))).Get(),
              StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(Send("s", Request(start, Range(0, 4))).Get(),
              StatusIs(StatusCode::kUnavailable))
      << "still in doubt";
  gated_->FailWith(absl::OkStatus());
  const auto retry = Send("s", Request(start, Range(0, 4))).Get();
  ASSERT_OK(retry);
  EXPECT_EQ(retry->segments[0].source, SegmentSource::kComputed);
  EXPECT_EQ(LastSum(retry), Oracle(Range(0, 4)));
  ASSERT_OK(Send("s", Request(At("s"), Range(4, 4))).Get());
  EXPECT_EQ(Reloads(), 2) << "in doubt no more";
}

TEST_F(DoubtTest, ATailSurvivesACommitThatDidNotHappen) {
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 2))).Get());
  const Position tail = At("s");
  gated_->FailWith(Down());
  EXPECT_THAT(Send("s", Request(tail, Range(2, 4))).Get(),
              StatusIs(StatusCode::kUnavailable));
  gated_->FailWith(absl::OkStatus());
  const auto retry = Send("s", Request(tail, Range(2, 2))).Get();
  ASSERT_OK(retry);
  EXPECT_EQ(LastSum(retry), Oracle(Range(0, 4)));
}

TEST_F(DoubtTest, ARollbackThatHappenedIsFound) {
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 8))).Get());
  const SessionInfo before = *manager_->Get(Key("s"));
  gated_->LoseAnswerWith(Down());
  const auto roll_back = [&] {
    Pending<absl::StatusOr<SessionInfo>> answer;
    manager_->Rollback(Key("s"), std::make_shared<Cursor>(), before.retained[1],
                       before.head.handle, answer.Setter());
    return answer.Get();
  };
  EXPECT_THAT(roll_back(), StatusIs(StatusCode::kUnavailable));
  const auto retry = roll_back();
  ASSERT_OK(retry);
  EXPECT_EQ(retry->head.handle, before.retained[1]);
  const auto reply = Send("s", Request(At("s"), Range(4, 4))).Get();
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 8)));
}

TEST_F(DoubtTest, AHeadThatAnotherServerMovedIsFoundAfterTheConflict) {
  const Position start = At("s");
  Commit other;
  other.record = store_->LoadRecords()->records.at(0);
  SessionRecord record = *FromStored(other.record);
  record.last_used = record.last_used + absl::Seconds(1);
  record.retained.push_back({{1, {7}}, 0});
  other.record = ToStored(Key("s"), other.record.durability, record);
  other.expected_head = start.handle.digest;
  other.values.push_back(
      {{7},
       std::make_shared<const std::string>(
           static_cast<size_t>(model_.spec().memory_bytes()), '\0')});
  other.replies.push_back({1, "its reply"});
  ASSERT_OK(store_->Apply({other})[0]);
  EXPECT_THAT(Send("s", Request(start, Range(0, 4))).Get(),
              StatusIs(StatusCode::kAborted));
  const auto reply = Send("s", Request(start, Range(0, 4))).Get();
  EXPECT_THAT(reply, StatusIs(StatusCode::kAborted));
  EXPECT_EQ(GetErrorInfo(reply.status()).metadata.at("head"),
            At("s").handle.ToString());
  EXPECT_THAT(RetainedSteps("s"), ElementsAre(0, 1));
}

TEST_F(DoubtTest, AnOpenThatHappenedAfterAllIsFound) {
  gated_->LoseAnswerWith(Down());
  EXPECT_THAT(Open("t"), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(Open("t"), StatusIs(StatusCode::kAlreadyExists));
  const auto reply = Send("t", Request(Fetch("t")->head, Range(0, 4))).Get();
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 4)));
}

TEST_F(DoubtTest, AnOpenThatDidNotHappenCanBeDoneAgain) {
  gated_->FailWith(Down());
  EXPECT_THAT(Open("t"), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(Open("t"), StatusIs(StatusCode::kUnavailable));
  gated_->FailWith(absl::OkStatus());
  EXPECT_THAT(List("default", "", 10, "").sessions, ::testing::SizeIs(2));
  EXPECT_OK(Open("t"));
  EXPECT_OK(Send("t", Request(std::nullopt, Range(0, 4))).Get());
}

TEST_F(DoubtTest, WhatWasNeverMadeIsNotFound) {
  gated_->FailWith(Down());
  EXPECT_THAT(Open("t"), StatusIs(StatusCode::kUnavailable));
  gated_->FailWith(absl::OkStatus());
  EXPECT_THAT(Send("t", Request(std::nullopt, Range(0, 4))).Get(),
              StatusIs(StatusCode::kNotFound));
  EXPECT_EQ(manager_->stats().sessions, 1);
}

TEST_F(DoubtTest, AForkThatHappenedAfterAllIsFound) {
  ASSERT_OK(Send("s", Request(At("s"), Range(0, 4))).Get());
  gated_->LoseAnswerWith(Down());
  Pending<absl::StatusOr<SessionInfo>> fork;
  manager_->Fork(Key("s"), std::make_shared<Cursor>(), std::nullopt, "f",
                 fork.Setter());
  EXPECT_THAT(fork.Get(), StatusIs(StatusCode::kUnavailable));
  const auto reply = Send("f", Request(std::nullopt, Range(4, 4))).Get();
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 8)));
}

TEST_F(DoubtTest, ASessionThatIsGoneIsNotFound) {
  const Position start = At("s");
  gated_->LoseAnswerWith(Down());
  EXPECT_THAT(Send("s", Request(start, Range(0, 4))).Get(),
              StatusIs(StatusCode::kUnavailable));
  ASSERT_OK(store_->Remove(Key("s"), ""));
  EXPECT_THAT(Send("s", Request(start, Range(0, 4))).Get(),
              StatusIs(StatusCode::kNotFound));
}

}  // namespace
}  // namespace mneme
