#include "server/session/session_ttl.h"

#include <limits>

#include "gtest/gtest.h"

namespace mneme {
namespace {

constexpr absl::Duration kNever = absl::InfiniteDuration();
constexpr absl::Duration kMinute = absl::Minutes(1);
constexpr absl::Duration kHour = absl::Hours(1);
// The longest duration that is not infinite.
const absl::Duration kLongest =
    absl::Seconds(std::numeric_limits<int64_t>::max());

const absl::Time kWall = absl::FromUnixSeconds(1'700'000'000);
// Of the process that recovers: it has just started.
constexpr absl::Duration kStart = absl::Seconds(3);

TtlPolicy Idle(absl::Duration idle) { return {idle, kNever}; }
TtlPolicy MaxAge(absl::Duration max_age) { return {kNever, max_age}; }

// ---- In process ----

TEST(SessionTtlTest, WithoutTtlsASessionNeverEnds) {
  const SessionLife life = {kHour, kHour};
  EXPECT_EQ(EndOfLife(TtlPolicy(), life).at, kNever);
  EXPECT_EQ(ExpiredBy(TtlPolicy(), life, kLongest), std::nullopt);
}

TEST(SessionTtlTest, TheIdleTtlCountsFromTheLastUse) {
  const SessionLife life = {kHour, 2 * kHour};
  const LifeEnd end = EndOfLife(Idle(kMinute), life);
  EXPECT_EQ(end.at, 2 * kHour + kMinute);
  EXPECT_EQ(end.reason, EndReason::kIdleTtl);
}

TEST(SessionTtlTest, TheMaxAgeCountsFromTheCreation) {
  const SessionLife life = {kHour, 2 * kHour};
  const LifeEnd end = EndOfLife(MaxAge(2 * kHour), life);
  EXPECT_EQ(end.at, 3 * kHour);
  EXPECT_EQ(end.reason, EndReason::kMaxAge);
}

TEST(SessionTtlTest, TheFirstOfTheTwoEndsTheSession) {
  const TtlPolicy policy = {kMinute, kHour};
  EXPECT_EQ(EndOfLife(policy, {kHour, kHour}).reason, EndReason::kIdleTtl);
  const SessionLife used_late = {kHour, 2 * kHour - absl::Seconds(30)};
  EXPECT_EQ(EndOfLife(policy, used_late).reason, EndReason::kMaxAge);
  EXPECT_EQ(EndOfLife(policy, used_late).at, 2 * kHour);
  // Asked long after both have passed.
  EXPECT_EQ(ExpiredBy(policy, {kHour, kHour}, 9 * kHour), EndReason::kIdleTtl);
  EXPECT_EQ(ExpiredBy(policy, used_late, 9 * kHour), EndReason::kMaxAge);
}

TEST(SessionTtlTest, AtTheSameInstantTheMaxAgeIsTheReason) {
  EXPECT_EQ(EndOfLife({kHour, kHour}, {kHour, kHour}).reason,
            EndReason::kMaxAge);
}

TEST(SessionTtlTest, ASessionEndsAtTheInstantItself) {
  const SessionLife life = {kHour, kHour};
  const absl::Duration end = kHour + kMinute;
  EXPECT_EQ(ExpiredBy(Idle(kMinute), life, end - absl::Nanoseconds(1)),
            std::nullopt);
  EXPECT_EQ(ExpiredBy(Idle(kMinute), life, end), EndReason::kIdleTtl);
  EXPECT_EQ(ExpiredBy(MaxAge(kMinute), life, end), EndReason::kMaxAge);
}

TEST(SessionTtlTest, SumsThatDoNotFitAreNever) {
  EXPECT_EQ(EndOfLife({kLongest, kLongest}, {kLongest, kLongest}).at, kNever);
}

// ---- In the record, and back ----

TEST(SessionTtlTest, TheRecordKeepsWhatIsLeft) {
  const TtlPolicy policy = {kMinute, kHour};
  const StoredTtl stored =
      StoreTtl(policy, {kHour, kHour}, kHour + absl::Minutes(20), kWall);
  EXPECT_EQ(stored.policy, policy);
  EXPECT_EQ(stored.max_age_left, absl::Minutes(40));
  EXPECT_EQ(stored.written, kWall);
}

TEST(SessionTtlTest, DownTimeCounts) {
  const StoredTtl stored = {{kHour, 2 * kHour}, absl::Minutes(90), kWall};
  const SessionLife life =
      RecoverLife(stored, kStart, kWall + absl::Minutes(50));
  EXPECT_EQ(life.last_used, kStart - absl::Minutes(50));
  EXPECT_EQ(EndOfLife(stored.policy, life).at, kStart + absl::Minutes(10));
  EXPECT_EQ(EndOfLife(MaxAge(2 * kHour), life).at, kStart + absl::Minutes(40));
}

TEST(SessionTtlTest, WhatPassedWhileTheServerWasDownHasExpired) {
  const StoredTtl idle = {Idle(kMinute), kNever, kWall};
  EXPECT_EQ(
      ExpiredBy(idle.policy, RecoverLife(idle, kStart, kWall + kHour), kStart),
      EndReason::kIdleTtl);
  const StoredTtl old = {{kHour, kHour}, kMinute, kWall};
  EXPECT_EQ(
      ExpiredBy(old.policy, RecoverLife(old, kStart, kWall + kMinute), kStart),
      EndReason::kMaxAge);
}

TEST(SessionTtlTest, AWallClockThatWentBackGivesNoSessionMoreThanWasLeft) {
  const StoredTtl stored = {{kHour, 2 * kHour}, absl::Minutes(90), kWall};
  for (const absl::Time wall : {kWall, kWall - kHour, kWall - 100'000 * kHour,
                                absl::UnixEpoch(), absl::InfinitePast()}) {
    const SessionLife life = RecoverLife(stored, kStart, wall);
    EXPECT_EQ(EndOfLife(Idle(kHour), life).at, kStart + kHour);
    EXPECT_EQ(EndOfLife(MaxAge(2 * kHour), life).at,
              kStart + absl::Minutes(90));
  }
}

TEST(SessionTtlTest, AStepOfTheWallClockChangesNothingInProcess) {
  const TtlPolicy policy = {kMinute, kHour};
  const SessionLife life = {kHour, kHour};
  const absl::Duration now = kHour + absl::Seconds(30);
  for (const absl::Duration step : {-1000 * kHour, 1000 * kHour}) {
    EXPECT_EQ(StoreTtl(policy, life, now, kWall + step).max_age_left,
              kHour - absl::Seconds(30));
  }
}

TEST(SessionTtlTest, ManyRestartsAddUp) {
  const TtlPolicy policy = MaxAge(10 * kHour);
  StoredTtl stored = StoreTtl(policy, {kHour, kHour}, kHour, kWall);
  absl::Time wall = kWall;
  // An hour down and an hour up, four times.
  for (int i = 0; i < 4; ++i) {
    const SessionLife life = RecoverLife(stored, kStart, wall += kHour);
    stored = StoreTtl(policy, life, kStart + kHour, wall += kHour);
  }
  EXPECT_EQ(stored.max_age_left, 2 * kHour);
}

TEST(SessionTtlTest, WithoutTtlsASessionSurvivesAnyDownTime) {
  const StoredTtl stored = StoreTtl(TtlPolicy(), {kHour, kHour}, kHour, kWall);
  EXPECT_EQ(stored.max_age_left, kNever);
  for (const absl::Time wall :
       {kWall, kWall + 1'000'000 * kHour, absl::InfiniteFuture()}) {
    const SessionLife life = RecoverLife(stored, kStart, wall);
    EXPECT_LE(life.created, kStart);
    EXPECT_EQ(EndOfLife(stored.policy, life).at, kNever);
    EXPECT_EQ(StoreTtl(stored.policy, life, kStart, wall).max_age_left, kNever);
  }
}

TEST(SessionTtlTest, ExtremeValuesSaturate) {
  EXPECT_EQ(
      StoreTtl(MaxAge(kLongest), {kHour, kHour}, 2 * kHour, kWall).max_age_left,
      kLongest - kHour);
  const StoredTtl longest = {{kLongest, kLongest}, kLongest, kWall};
  const SessionLife life = RecoverLife(longest, kStart, kWall + kHour);
  EXPECT_EQ(ExpiredBy(longest.policy, life, kStart), std::nullopt);
  EXPECT_EQ(StoreTtl(longest.policy, life, kStart, kWall).max_age_left,
            kLongest - kHour);
  const StoredTtl ancient = {{kHour, kHour}, -kLongest, absl::InfinitePast()};
  EXPECT_NE(
      ExpiredBy(ancient.policy, RecoverLife(ancient, kStart, kWall), kStart),
      std::nullopt);
  const StoredTtl future = {{kHour, kHour}, kMinute, absl::InfiniteFuture()};
  EXPECT_EQ(EndOfLife(future.policy, RecoverLife(future, kStart, kWall)).at,
            kStart + kMinute);
}

// A record that says more than its own policy allows.
TEST(SessionTtlTest, NoMoreIsLeftThanTheMaxAge) {
  const StoredTtl stored = {MaxAge(kHour), kNever, kWall};
  EXPECT_EQ(EndOfLife(stored.policy, RecoverLife(stored, kStart, kWall)).at,
            kStart + kHour);
}

TEST(SessionTtlTest, MicrosecondsCarryATtl) {
  for (const absl::Duration ttl : {kNever, -kNever, absl::ZeroDuration(),
                                   -kMinute, kHour, absl::Microseconds(1)}) {
    EXPECT_EQ(TtlFromMicros(TtlToMicros(ttl)), ttl);
  }
  EXPECT_EQ(TtlToMicros(absl::Nanoseconds(1999)), 1);
  EXPECT_EQ(TtlFromMicros(TtlToMicros(kLongest)), kNever);
}

}  // namespace
}  // namespace mneme
