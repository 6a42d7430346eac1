#include "server/session/memory_tiers.h"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/server/session/memory_tiers_fixture.h"

namespace mneme {
namespace {

std::string FoundAll(MemoryTiers* tiers,
                     const std::vector<TieredMemoryRef>& values) {
  std::string found;
  for (const auto& value : values) found += Found(tiers->Use(value));
  return found;
}

TEST_F(MemoryTiersTest, GivesBackWhatItWasGiven) {
  MemoryTiers tiers({100, 100});
  const TieredMemoryRef value = Add(&tiers, "a");
  const MemoryTiers::AtHand at_hand = tiers.Use(value);
  EXPECT_EQ(NameOf(at_hand.live), "a");
  EXPECT_EQ(*at_hand.saved, "a");
}

TEST_F(MemoryTiersTest, TheLeastRecentlyUsedGoesFirst) {
  MemoryTiers tiers({3 * kBytes, 5 * kBytes});
  std::vector<TieredMemoryRef> values = AddMany(&tiers, 3);
  tiers.Use(values[0]);
  values.push_back(Add(&tiers, "3"));  // newest first: 3 0 2 1
  EXPECT_EQ(tiers.stats().device.spilled, 1);
  EXPECT_EQ(alive_, 3);
  EXPECT_EQ(FoundAll(&tiers, values), "dhdd");
  values.push_back(Add(&tiers, "4"));  // 4 3 2 1 0, and 1 is not live
  values.push_back(Add(&tiers, "5"));
  EXPECT_EQ(FoundAll(&tiers, values), "shhddd");
}

TEST_F(MemoryTiersTest, WhatIsRestoredIsTheMostRecentlyUsed) {
  MemoryTiers tiers({2 * kBytes, 3 * kBytes});
  const std::vector<TieredMemoryRef> values = AddMany(&tiers, 4);
  tiers.Restored(values[0], Live("0"), Saved("0"));
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(NameOf(tiers.Use(values[0]).live), "0");
  EXPECT_EQ(FoundAll(&tiers, values), "dshd");
}

TEST_F(MemoryTiersTest, WhatIsAtHandAlreadyStays) {
  MemoryTiers tiers({100, 100});
  const TieredMemoryRef value = Add(&tiers, "first");
  tiers.Restored(value, Live("second"), Saved("second"));
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(NameOf(tiers.Use(value).live), "first");
  EXPECT_EQ(*tiers.Use(value).saved, "first");
  EXPECT_EQ(tiers.stats().device.values, 1);
  EXPECT_EQ(tiers.stats().host.bytes, kBytes);
}

TEST_F(MemoryTiersTest, OnlyWhatIsGivenIsAtHand) {
  MemoryTiers tiers({100, 100});
  const TieredMemoryRef live = tiers.Add(Live("a"), nullptr, kBytes);
  const TieredMemoryRef saved = tiers.Add(nullptr, Saved("b"), kBytes);
  const TieredMemoryRef stored = tiers.Add(nullptr, nullptr, kBytes);
  EXPECT_EQ(tiers.stats().device.values, 1);
  EXPECT_EQ(tiers.stats().host.values, 1);
  EXPECT_EQ(FoundAll(&tiers, {live, saved, stored}), "dhs");
  EXPECT_EQ(tiers.Use(live).saved, nullptr);
  tiers.Restored(stored, nullptr, Saved("c"));
  EXPECT_EQ(Found(tiers.Use(stored)), 'h');
}

TEST_F(MemoryTiersTest, WithoutAHostTierNoBytesAreKept) {
  MemoryTiers tiers({kBytes, 0});
  const TieredMemoryRef first = Add(&tiers, "a");
  const TieredMemoryRef empty = Add(&tiers, "", 0);
  EXPECT_EQ(tiers.Use(first).saved, nullptr);
  EXPECT_EQ(tiers.Use(empty).saved, nullptr);
  const TieredMemoryRef second = Add(&tiers, "b");
  EXPECT_EQ(FoundAll(&tiers, {first, second}), "sd");
  EXPECT_EQ(tiers.stats().host.values, 0);
  EXPECT_EQ(tiers.stats().host.spilled, 0);
}

TEST_F(MemoryTiersTest, OneValueFitsOnTheDeviceHoweverSmallItIs) {
  MemoryTiers tiers({0, 0});
  const TieredMemoryRef first = Add(&tiers, "a");
  EXPECT_EQ(tiers.stats().device.bytes, kBytes);
  const TieredMemoryRef second = Add(&tiers, "b");
  EXPECT_EQ(FoundAll(&tiers, {first, second}), "sd");
}

TEST_F(MemoryTiersTest, BytesThatCannotFitDriveNothingOut) {
  MemoryTiers tiers({100, 3 * kBytes});
  const std::vector<TieredMemoryRef> values = AddMany(&tiers, 3);
  const TieredMemoryRef large = Add(&tiers, "large", 3 * kBytes + 1);
  EXPECT_EQ(tiers.Use(large).saved, nullptr);
  for (const auto& value : values) EXPECT_NE(tiers.Use(value).saved, nullptr);
}

TEST_F(MemoryTiersTest, ALargeValueTakesThePlaceOfSeveral) {
  MemoryTiers tiers({3 * kBytes, 100});
  const std::vector<TieredMemoryRef> values = AddMany(&tiers, 3);
  const TieredMemoryRef large = Add(&tiers, "large", 2 * kBytes);
  EXPECT_EQ(tiers.stats().device.spilled, 2);
  EXPECT_EQ(tiers.stats().device.bytes, 3 * kBytes);
  EXPECT_EQ(FoundAll(&tiers, values), "hhd");
}

TEST_F(MemoryTiersTest, AValueInUseOutlivesItsSpill) {
  MemoryTiers tiers({kBytes, kBytes});
  const TieredMemoryRef first = Add(&tiers, "a");
  MemoryTiers::AtHand lease = tiers.Use(first);
  const TieredMemoryRef second = Add(&tiers, "b");
  EXPECT_EQ(Found(tiers.Use(first)), 's');
  EXPECT_EQ(NameOf(lease.live), "a");
  EXPECT_EQ(*lease.saved, "a");
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(tiers.stats().device.values, 1);
  lease = {};
  EXPECT_EQ(alive_, 1);
}

TEST_F(MemoryTiersTest, AValueInUseOutlivesItsLastSession) {
  MemoryTiers tiers({kBytes, kBytes});
  TieredMemoryRef value = Add(&tiers, "a");
  const MemoryTiers::AtHand lease = tiers.Use(value);
  value = nullptr;
  EXPECT_EQ(tiers.stats().device.values, 0);
  EXPECT_EQ(NameOf(lease.live), "a");
}

TEST_F(MemoryTiersTest, SessionsShareAValueUntilTheLastLetsGo) {
  MemoryTiers tiers({100, 100});
  TieredMemoryRef parent = Add(&tiers, "a");
  TieredMemoryRef fork = parent;
  EXPECT_EQ(tiers.stats().device.values, 1);
  parent = Add(&tiers, "b");
  EXPECT_EQ(alive_, 2);
  EXPECT_EQ(NameOf(tiers.Use(fork).live), "a");
  fork = nullptr;
  EXPECT_EQ(alive_, 1);
  EXPECT_EQ(tiers.stats().device.bytes, kBytes);
  EXPECT_EQ(tiers.stats().host.bytes, kBytes);
  EXPECT_EQ(tiers.stats().device.spilled, 0);
}

TEST_F(MemoryTiersTest, ANewHeadTakesThePlaceOfTheOld) {
  MemoryTiers tiers({4 * kBytes, 4 * kBytes});
  std::vector<TieredMemoryRef> heads = AddMany(&tiers, 4);
  for (int round = 0; round < 10; ++round) {
    for (TieredMemoryRef& head : heads) {
      ASSERT_EQ(Found(tiers.Use(head)), 'd');
      head = tiers.Add(Live("n"), Saved("n"), kBytes, std::move(head));
    }
  }
  EXPECT_EQ(tiers.stats().device.spilled, 0);
  EXPECT_EQ(tiers.stats().host.spilled, 0);
  EXPECT_EQ(alive_, 4);
}

TEST_F(MemoryTiersTest, AHundredTimesMoreValuesThanSlots) {
  MemoryTiers tiers({10 * kBytes, 100 * kBytes});
  const std::vector<TieredMemoryRef> values = AddMany(&tiers, 1000);
  EXPECT_EQ(alive_, 10);
  MemoryTiers::Stats stats = tiers.stats();
  EXPECT_EQ(stats.device.values, 10);
  EXPECT_EQ(stats.device.bytes, 10 * kBytes);
  EXPECT_EQ(stats.device.spilled, 990);
  EXPECT_EQ(stats.host.values, 100);
  EXPECT_EQ(stats.host.bytes, 100 * kBytes);
  EXPECT_EQ(stats.host.spilled, 900);
  EXPECT_EQ(
      FoundAll(&tiers, values),
      std::string(900, 's') + std::string(90, 'h') + std::string(10, 'd'));
  stats = tiers.stats();
  EXPECT_EQ(stats.used_from_device, 10);
  EXPECT_EQ(stats.restored_from_host, 90);
  EXPECT_EQ(stats.restored_from_store, 900);
}

TEST_F(MemoryTiersTest, AValueMayOutliveTheTiers) {
  std::optional<MemoryTiers> tiers(MemoryTiers::Limits{2 * kBytes, kBytes});
  std::vector<TieredMemoryRef> values = AddMany(&*tiers, 3);
  tiers.reset();
  EXPECT_EQ(alive_, 2);
  values.clear();
  EXPECT_EQ(alive_, 0);
}

// Whatever is destroyed calls the tiers, which would wait for themselves.
TEST_F(MemoryTiersTest, NothingIsDestroyedUnderTheLock) {
  MemoryTiers tiers({kBytes, kBytes});
  int destroyed = 0;
  const auto count = [&] {
    tiers.stats();
    ++destroyed;
  };
  const auto live = [&] { return std::make_shared<NamedMemory>("", count); };
  const auto saved = [&] {
    return MemoryTiers::SavedRef(new std::string, [&](const std::string* s) {
      count();
      delete s;
    });
  };
  TieredMemoryRef first = tiers.Add(live(), saved(), kBytes);
  TieredMemoryRef second = tiers.Add(live(), saved(), kBytes);
  EXPECT_EQ(destroyed, 2);  // spilled
  tiers.Restored(second, live(), saved());
  EXPECT_EQ(destroyed, 4);  // not needed
  tiers.Restored(first, live(), saved());
  EXPECT_EQ(destroyed, 6);  // spilled
  first = tiers.Add(live(), saved(), kBytes, std::move(first));
  EXPECT_EQ(destroyed, 8);  // replaced
  first = nullptr;
  EXPECT_EQ(destroyed, 10);
}

TEST_F(MemoryTiersTest, ToAskWhetherAValueIsAtHandIsNoUse) {
  MemoryTiers tiers({2 * kBytes, 0});
  const std::vector<TieredMemoryRef> values = AddMany(&tiers, 2);
  const TieredMemoryRef saved = tiers.Add(nullptr, Saved("b"), kBytes);
  EXPECT_TRUE(tiers.IsAtHand(values[0]));
  EXPECT_FALSE(tiers.IsAtHand(saved)) << "there is no host tier";
  const TieredMemoryRef third = Add(&tiers, "2");
  EXPECT_FALSE(tiers.IsAtHand(values[0]));
  EXPECT_TRUE(tiers.IsAtHand(values[1]));
  EXPECT_EQ(tiers.stats().used_from_device, 0);
  EXPECT_EQ(tiers.stats().restored_from_store, 0);
}

TEST_F(MemoryTiersTest, WhatIsOnlyInHostMemoryIsAtHand) {
  MemoryTiers tiers({kBytes, 2 * kBytes});
  const std::vector<TieredMemoryRef> values = AddMany(&tiers, 2);
  EXPECT_TRUE(tiers.IsAtHand(values[0]));
}

}  // namespace
}  // namespace mneme
