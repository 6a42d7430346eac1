// Sessions whose memory does not all fit: the tiers under the session layer.

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

// Of memory that nobody can use nothing stays.
TEST_F(SpillTest, AnIdleSessionWhoseMemoryWasSpilledIsLookedAtNoMore) {
  UseLimits(1, 0);
  ApplyToAll(2, 1);
  ASSERT_EQ(tiers_->stats().device.values, 1);
  const absl::Duration first = clock_.Monotonic() + limits_.let_go_after;
  clock_.AwaitWaitUntil(first);
  clock_.Advance(limits_.let_go_after);
  // The one whose memory is at hand.
  clock_.AwaitWaitUntil(first + limits_.let_go_after);
  ASSERT_OK(Close("s1"));
  Apply("s0");
  EXPECT_EQ(tiers_->stats().restored_from_store, 1);
  EXPECT_EQ(At("s0").handle.step, 2u);
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
