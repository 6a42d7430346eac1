#include "server/schedule/fair_share.h"

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

double TimeOf(const FairShare& shares, uint32_t tenant) {
  return shares.shares()[tenant].virtual_time;
}

TEST(FairShareTest, ATenantPaysByItsWeight) {
  FairShare shares({{"big", 4}});
  const uint32_t big = shares.Enter("big");
  const uint32_t other = shares.Enter("other");
  EXPECT_EQ(shares.shares()[big].weight, 4);
  EXPECT_EQ(shares.shares()[other].weight, 1);
  shares.Charge(big, 400);
  shares.Charge(other, 100);
  EXPECT_EQ(TimeOf(shares, big), 100);
  EXPECT_EQ(TimeOf(shares, other), 100);
}

TEST(FairShareTest, ANameKeepsItsNumberWhileItWaits) {
  FairShare shares;
  const uint32_t a = shares.Enter("a");
  EXPECT_NE(shares.Enter("b"), a);
  EXPECT_EQ(shares.Enter("a"), a);
}

TEST(FairShareTest, WhoWasIdleStartsWhereTheOthersStand) {
  FairShare shares;
  const uint32_t busy = shares.Enter("busy");
  for (int i = 0; i < 10; ++i) {
    shares.Enter("busy");
    shares.Charge(busy, 100);
    shares.Leave(busy);
  }
  const uint32_t back = shares.Enter("back");
  EXPECT_EQ(TimeOf(shares, busy), 1000);
  EXPECT_EQ(TimeOf(shares, back), 900);  // where the last one started
}

TEST(FairShareTest, WhoWasAloneDoesNotPayForIt) {
  FairShare shares;
  const uint32_t alone = shares.Enter("alone");
  shares.Charge(alone, 1'000'000);
  shares.Leave(alone);
  const uint32_t fresh = shares.Enter("fresh");
  EXPECT_EQ(shares.Enter("alone"), alone);
  EXPECT_EQ(TimeOf(shares, alone), TimeOf(shares, fresh));
}

TEST(FairShareTest, WhoWasKeptWaitingCatchesUpButNotForEver) {
  FairShare shares;
  const uint32_t kept = shares.Enter("kept");  // by a lower priority
  const uint32_t served = shares.Enter("served");
  for (int i = 0; i < 2; ++i) shares.Charge(served, 100'000'000);
  shares.Charge(kept, 100);
  const double behind = TimeOf(shares, served) - TimeOf(shares, kept);
  EXPECT_GT(behind, 100'000'000);
  EXPECT_LT(behind, 102'000'000);
}

TEST(FairShareTest, NumbersOfThoseForgottenAreUsedAgain) {
  FairShare shares;
  for (int i = 0; i < 100'000; ++i) {
    const uint32_t tenant = shares.Enter(absl::StrCat("tenant ", i));
    shares.Charge(tenant, 10);
    shares.Leave(tenant);
  }
  EXPECT_LE(shares.shares().size(), 2048);
}

TEST(FairShareTest, WhoWaitsIsNotForgotten) {
  FairShare shares;
  const uint32_t waits = shares.Enter("waits");
  for (int i = 0; i < 5000; ++i) {
    const uint32_t tenant = shares.Enter(absl::StrCat("tenant ", i));
    EXPECT_NE(tenant, waits);
    shares.Leave(tenant);
  }
  EXPECT_EQ(shares.Enter("waits"), waits);
}

}  // namespace
}  // namespace mneme
