// A full server ends sessions that nobody uses, to make room for others.

#include "server/base/error_info.h"
#include "tests/server/session/recorded_events.h"
#include "tests/server/session/session_fixture.h"
#include "tests/server/store/gated_store.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;

class EvictionTest : public SessionFixture {
 protected:
  EvictionTest() {
    limits_.sessions = 3;
    limits_.evict_unused = absl::Seconds(10);
    Restart();
  }
  // a, b, c, each used a second after the one before it.
  void Fill() {
    for (const char* id : {"a", "b", "c"}) {
      ASSERT_OK(Open(id));
      clock_.Advance(absl::Seconds(1));
    }
  }
  std::string ReasonOf(const absl::Status& status) {
    return GetErrorInfo(status).reason;
  }
  std::string Refusal(const std::string& id) {
    return ReasonOf(Open(id).status());
  }
  const std::shared_ptr<RecordedEvents> watcher_ =
      std::make_shared<RecordedEvents>();
};

TEST_F(EvictionTest, TheOneThatIsUnusedTheLongestMakesRoom) {
  Fill();
  clock_.Advance(absl::Seconds(20));
  ASSERT_OK(Open("d"));
  EXPECT_EQ(ReasonOf(manager_->Get(Key("a")).status()), "SESSION_EXPIRED");
  EXPECT_OK(manager_->Get(Key("b")));
  ASSERT_OK(Open("e"));
  EXPECT_EQ(ReasonOf(manager_->Get(Key("b")).status()), "SESSION_EXPIRED");
  EXPECT_OK(manager_->Get(Key("c")));
}

TEST_F(EvictionTest, WhatWasUsedSinceStays) {
  Fill();
  clock_.Advance(absl::Seconds(20));
  ASSERT_OK(Send("a", Request(At("a"), Range(0, 2))).Get());
  ASSERT_OK(Open("d"));
  EXPECT_OK(manager_->Get(Key("a")));
  EXPECT_EQ(ReasonOf(manager_->Get(Key("b")).status()), "SESSION_EXPIRED");
}

TEST_F(EvictionTest, WhereAllWereUsedTheNewOneIsRefused) {
  Fill();
  clock_.Advance(absl::Seconds(5));
  EXPECT_EQ(Refusal("d"), "QUOTA_SESSIONS");
  clock_.Advance(absl::Seconds(20));
  for (const char* id : {"a", "b", "c"}) {
    ASSERT_OK(Send(id, Request(At(id), Range(0, 4))).Get());
  }
  EXPECT_EQ(Refusal("d"), "QUOTA_SESSIONS");
}

TEST_F(EvictionTest, WithoutTheSettingNoneIsEnded) {
  limits_.evict_unused = absl::InfiniteDuration();
  Restart();
  Fill();
  clock_.Advance(absl::Hours(1000));
  EXPECT_EQ(Refusal("d"), "QUOTA_SESSIONS");
}

TEST_F(EvictionTest, WhatRunsIsUsedHoweverLongItTakes) {
  Fill();
  model_.Hold();
  const Reply running = Send("a", Request(At("a"), Range(0, 4)));
  model_.AwaitHeld();
  clock_.Advance(absl::Seconds(20));
  ASSERT_OK(Open("d"));
  ASSERT_OK(Open("e"));
  EXPECT_EQ(Refusal("f"), "QUOTA_SESSIONS");
  model_.Release();
  EXPECT_OK(running.Get());
  EXPECT_OK(manager_->Get(Key("a")));
}

TEST_F(EvictionTest, ItIsToldWithItsLastHandle) {
  Fill();
  ASSERT_OK(Send("a", Request(At("a"), Range(0, 4))).Get());
  const MemoryHandle last = At("a").handle;
  ASSERT_OK(Close("b"));
  ASSERT_OK(Close("c"));
  clock_.Advance(absl::Seconds(20));
  ASSERT_OK(Open("b"));
  ASSERT_OK(Open("c"));
  auto subscription = Watch(manager_.get(), {"default", {}}, watcher_);
  ASSERT_OK(Open("d"));
  EXPECT_THAT(watcher_->texts(), ElementsAre("a evicted"));
  EXPECT_EQ(watcher_->events()[0].last, last);
  const absl::Status gone = manager_->Get(Key("a")).status();
  EXPECT_THAT(gone, StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_EQ(GetErrorInfo(gone).metadata["reason"], "evicted");
  EXPECT_EQ(GetErrorInfo(gone).metadata["last"], last.ToString());
  *subscription = nullptr;  // before its manager
  Restart();
  EXPECT_EQ(ReasonOf(manager_->Get(Key("a")).status()), "SESSION_EXPIRED");
}

TEST_F(EvictionTest, AForkMakesRoomToo) {
  Fill();
  clock_.Advance(absl::Seconds(20));
  Pending<absl::StatusOr<SessionInfo>> fork;
  manager_->Fork(Key("b"), std::make_shared<Cursor>(), std::nullopt, "f",
                 fork.Setter());
  EXPECT_OK(fork.Get());
  EXPECT_OK(manager_->Get(Key("b")));
  EXPECT_EQ(ReasonOf(manager_->Get(Key("a")).status()), "SESSION_EXPIRED");
}

TEST_F(EvictionTest, ATakenIdEndsNobody) {
  Fill();
  clock_.Advance(absl::Seconds(20));
  EXPECT_THAT(Open("c"), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_OK(manager_->Get(Key("a")));
}

TEST_F(EvictionTest, IfTheStoreFailsTheSessionStaysAndTheNewOneIsRefused) {
  auto store = std::make_unique<GatedStore>();
  GatedStore* const gated = store.get();
  UseStore(std::move(store));
  Fill();
  clock_.Advance(absl::Seconds(20));
  gated->FailRemovesWith(absl::UnavailableError("the disk is gone"));
  EXPECT_EQ(Refusal("d"), "QUOTA_SESSIONS");
  gated->FailRemovesWith(absl::OkStatus());
  EXPECT_OK(Fetch("a"));
}

TEST_F(EvictionTest, EverySessionIsLookedAtInItsTurn) {
  limits_.sessions = 200;
  Restart();
  for (int i = 0; i < 200; ++i) ASSERT_OK(Open(absl::StrCat("s", 1000 + i)));
  clock_.Advance(absl::Seconds(20));
  // Of the old ones none is left once as many new ones came.
  for (int i = 0; i < 200; ++i) ASSERT_OK(Open(absl::StrCat("t", 1000 + i)));
  EXPECT_EQ(manager_->stats().sessions, 200);
  EXPECT_EQ(Refusal("u"), "QUOTA_SESSIONS");
}

}  // namespace
}  // namespace mneme
