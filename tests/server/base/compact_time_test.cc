#include "server/base/compact_time.h"

#include "gtest/gtest.h"

namespace mneme {
namespace {

constexpr absl::Duration kNever = absl::InfiniteDuration();
const absl::Duration kYear = 365 * absl::Hours(24);

TEST(CompactTimeTest, ADurationIsWhatItWas) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), -absl::Nanoseconds(1),
        absl::Hours(1), 290 * kYear, -290 * kYear, kNever, -kNever}) {
    EXPECT_EQ(absl::Duration(CompactDuration(duration)), duration);
  }
}

TEST(CompactTimeTest, WhatDoesNotFitIsInfinite) {
  EXPECT_EQ(absl::Duration(CompactDuration(300 * kYear)), kNever);
  EXPECT_EQ(absl::Duration(CompactDuration(-300 * kYear)), -kNever);
  EXPECT_EQ(absl::Duration(CompactMicros(10'000 * kYear)), 10'000 * kYear);
  EXPECT_EQ(absl::Duration(CompactMicros(300'000 * kYear)), kNever);
}

TEST(CompactTimeTest, LessThanAUnitIsCutOff) {
  EXPECT_EQ(absl::Duration(CompactDuration(absl::Nanoseconds(7) / 4)),
            absl::Nanoseconds(1));
  EXPECT_EQ(absl::Duration(CompactMicros(absl::Nanoseconds(1999))),
            absl::Microseconds(1));
  EXPECT_EQ(absl::Duration(CompactMicros(-absl::Nanoseconds(1999))),
            -absl::Microseconds(1));
}

TEST(CompactTimeTest, ATimeIsWhatItWas) {
  for (const absl::Time time :
       {absl::UnixEpoch(), absl::FromUnixNanos(1'700'000'000'123'456'789),
        absl::FromUnixSeconds(-1), absl::InfiniteFuture(),
        absl::InfinitePast()}) {
    EXPECT_EQ(absl::Time(CompactTime(time)), time);
  }
}

TEST(CompactTimeTest, ItTakesEightBytes) {
  EXPECT_EQ(sizeof(CompactDuration), 8u);
  EXPECT_EQ(sizeof(CompactTime), 8u);
}

}  // namespace
}  // namespace mneme
