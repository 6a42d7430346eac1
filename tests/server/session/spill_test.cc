// Sessions whose memory does not all fit: the tiers under the session layer.

#include <algorithm>
#include <thread>

#include "tests/server/session/session_fixture.h"

namespace mneme {
namespace {

class SpillTest : public SessionFixture {
 protected:
  void UseLimits(int64_t device_values, int64_t host_values) {
    const int64_t bytes = model_.spec().memory_bytes();
    tier_limits_ = {device_values * bytes, host_values * bytes};
    Restart();
  }
  void Apply(const std::string& id) {
    const auto first = static_cast<int32_t>(4 * At(id).handle.step);
    const auto reply = Send(id, Request(At(id), Range(first, 4))).Get();
    ASSERT_OK(reply);
    ASSERT_EQ(LastSum(reply), Oracle(Range(0, first + 4)));
  }
  void ApplyToAll(int sessions, int rounds) {
    for (int i = 0; i < sessions; ++i) ASSERT_OK(Open(absl::StrCat("s", i)));
    for (int round = 0; round < rounds; ++round) {
      for (int i = 0; i < sessions; ++i) Apply(absl::StrCat("s", i));
    }
  }
};

TEST_F(SpillTest, AHundredTimesMoreSessionsThanSlots) {
  UseLimits(4, 0);
  ApplyToAll(400, 3);
  const MemoryTiers::Stats stats = tiers_->stats();
  EXPECT_EQ(stats.device.values, 4);
  EXPECT_EQ(stats.host.values, 0);
  EXPECT_EQ(stats.used_from_device, 0);
  EXPECT_EQ(stats.restored_from_host, 0);
  EXPECT_EQ(stats.restored_from_store, 400 * 2);
  EXPECT_GE(stats.device.spilled, 400 * 2);
}

TEST_F(SpillTest, TheHostTierIsAskedBeforeTheStore) {
  UseLimits(4, 40);
  ApplyToAll(40, 3);
  const MemoryTiers::Stats stats = tiers_->stats();
  EXPECT_EQ(stats.restored_from_host, 40 * 2);
  EXPECT_EQ(stats.restored_from_store, 0);
}

TEST_F(SpillTest, WhatFitsStaysLive) {
  UseLimits(40, 0);
  ApplyToAll(40, 3);
  const MemoryTiers::Stats stats = tiers_->stats();
  EXPECT_EQ(stats.used_from_device, 40 * 2);
  EXPECT_EQ(stats.device.spilled, 0);
  for (int i = 0; i < 40; ++i) ASSERT_OK(Close(absl::StrCat("s", i)));
  // Whoever worked on a session last lets go of it after the answer.
  while (tiers_->stats().device.values > 0) std::this_thread::yield();
}

TEST_F(SpillTest, AForkSharesItsParentsLiveMemory) {
  UseLimits(40, 0);
  ApplyToAll(1, 1);
  Pending<absl::StatusOr<SessionInfo>> fork;
  manager_->Fork(Key("s0"), std::make_shared<Cursor>(), std::nullopt, "f",
                 fork.Setter());
  ASSERT_OK(fork.Get());
  EXPECT_EQ(tiers_->stats().device.values, 1);
  Apply("f");
  EXPECT_EQ(tiers_->stats().used_from_device, 1);
  EXPECT_EQ(tiers_->stats().device.values, 2);
}

// Of memory that is not at hand nothing stays.
TEST_F(SpillTest, AnIdleSessionLetsGoOfItsMemoryOnceItIsSpilled) {
  prefix_entries_ = 10;  // which knows the session
  UseLimits(1, 0);
  ASSERT_OK(Open("s"));
  Apply("s");
  const MemoryHandle head = At("s").handle;
  const auto known = prefixes_->Find({"default", &model_, head.digest});
  ASSERT_EQ(known.size(), 1u);
  Session& session = *known.front();
  const RetainedStep step = {head.step, head.digest};
  session.LetGoUnused();
  EXPECT_NE(session.MemoryOf(step), nullptr) << "it is at hand";
  ASSERT_OK(Open("other"));
  ASSERT_OK(Send("other", Request(At("other"), Range(100, 4))).Get());
  ASSERT_EQ(tiers_->stats().device.spilled, 1);
  // Whoever worked on the session may be about to end.
  while (session.LookIn() < absl::InfiniteDuration()) session.LetGoUnused();
  EXPECT_EQ(session.MemoryOf(step), nullptr);
  Apply("s");
  EXPECT_NE(session.MemoryOf({At("s").handle.step, At("s").handle.digest}),
            nullptr);
}

// Until then it is looked at less and less often, but soon after each use.
TEST_F(SpillTest, ASessionWhoseMemoryStaysAtHandIsLookedAtSeldom) {
  UseLimits(4, 0);
  const auto look = [&](int times) {
    clock_.AwaitWaitUntil(clock_.Monotonic() + times * limits_.let_go_after);
  };
  ASSERT_OK(Open("s"));
  for (int round = 0; round < 2; ++round) {
    Apply("s");
    look(1);
    for (int times = 1; times <= 64; times *= 2) {
      clock_.Advance(times * limits_.let_go_after);
      look(std::min(2 * times, 64));
    }
  }
}

TEST_F(SpillTest, ARestartReadsEachHeadFromTheStoreOnce) {
  UseLimits(40, 40);
  ApplyToAll(3, 2);
  Restart();
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 3; ++i) Apply(absl::StrCat("s", i));
  }
  EXPECT_EQ(tiers_->stats().restored_from_store, 3);
  EXPECT_EQ(tiers_->stats().used_from_device, 3);
}

}  // namespace
}  // namespace mneme
