#include "server/session/packed_record.h"

#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;

SessionRecord Example(std::vector<uint64_t> steps) {
  SessionRecord record;
  record.policy = MemoryPolicy::kReset;
  record.created = absl::FromUnixMicros(1'700'000'000'000'001);
  record.last_used = absl::FromUnixMicros(1'700'000'000'000'007);
  for (const uint64_t step : steps) record.retained.push_back({{step, {}}, 0});
  return record;
}

// What comes back.
SessionRecord Again(const SessionRecord& record) {
  SessionRecord back;
  EXPECT_TRUE(UnpackNumbers(PackNumbers(record), &back));
  EXPECT_EQ(back.retained, record.retained);
  EXPECT_EQ(back.policy, record.policy);
  EXPECT_EQ(back.trusted, record.trusted);
  EXPECT_EQ(back.created, record.created);
  EXPECT_EQ(back.last_used, record.last_used);
  EXPECT_EQ(TtlPolicy(back.ttl), TtlPolicy(record.ttl));
  EXPECT_EQ(absl::Duration(back.max_age_left),
            absl::Duration(record.max_age_left));
  return back;
}

bool IsRead(const std::string& bytes) {
  SessionRecord record;
  return UnpackNumbers(bytes, &record);
}

TEST(PackedRecordTest, NumbersOfEverySizeComeBack) {
  constexpr uint64_t kMost = std::numeric_limits<uint64_t>::max() >> 2;
  SessionRecord record =
      Example({0, 1, 31, 32, 1'000'000, uint64_t{1} << 40, kMost});
  uint32_t bytes = 1;
  for (RetainedValue& value : record.retained) {
    value.reply_bytes = bytes;
    bytes *= 40;
  }
  record.retained.back().reply_bytes = std::numeric_limits<uint32_t>::max();
  Again(record);
  record.retained.clear();
  record.retained.push_back({{kMost, {}}, 0});
  Again(record);
}

TEST(PackedRecordTest, TimesAndTtlsComeBack) {
  SessionRecord record = Example({5});
  record.trusted = false;
  record.ttl.idle = absl::Microseconds(1);
  Again(record);
  record.ttl.max_age = absl::Hours(24 * 365 * 10'000);
  for (const absl::Duration left :
       {absl::Hours(1), absl::ZeroDuration(), -absl::Hours(1),
        -absl::InfiniteDuration(), absl::InfiniteDuration()}) {
    record.max_age_left = left;
    Again(record);
  }
  record.ttl = TtlPolicy();
  record.max_age_left = absl::InfiniteDuration();
  for (const int64_t micros : {0, -1, 1'600'000'000}) {
    record.created = absl::FromUnixMicros(micros);  // the clock was stepped
    Again(record);
  }
}

TEST(PackedRecordTest, MessagesKeepTheirOrder) {
  SessionRecord record = Example({3, 4, 5, 6});
  SetMessageStarts({3, 5, 6}, &record);
  const size_t in_order = PackNumbers(record).size();
  EXPECT_THAT(MessageStarts(Again(record)), ElementsAre(3, 5, 6));
  SetMessageStarts({5, 6, 3}, &record);  // the last began in the past
  EXPECT_THAT(MessageStarts(Again(record)), ElementsAre(5, 6, 3));
  EXPECT_EQ(PackNumbers(record).size(), in_order + 3);
}

TEST(PackedRecordTest, PinsComeBackAndWhatIsHeldIsOfThisProcess) {
  SessionRecord record = Example({3, 4, 5});
  record.retained[1].pinned = 1;
  EXPECT_THAT(PinnedSteps(Again(record)), ElementsAre(4));
  record.retained[0].SetHeld(5);
  SessionRecord back;
  ASSERT_TRUE(UnpackNumbers(PackNumbers(record), &back));
  EXPECT_EQ(back.retained[0].held, 0u);
}

TEST(PackedRecordTest, AValueTakesTwoBytesHoweverLongTheSessionIs) {
  std::vector<uint64_t> steps = {1'000'000'000};
  const size_t one = PackNumbers(Example(steps)).size();
  for (int i = 0; i < 10; ++i) steps.push_back(steps.back() + 1);
  EXPECT_EQ(PackNumbers(Example(steps)).size(), one + 20);
}

TEST(PackedRecordTest, WhatIsNoRecordIsNotRead) {
  EXPECT_FALSE(IsRead(""));
  EXPECT_FALSE(IsRead(std::string("\x25\0\0", 3))) << "no value";
  const auto read = [](char flags, const std::string& rest) {
    return IsRead(std::string(1, flags) + std::string(2, '\0') + rest);
  };
  constexpr char kFlags = 0x25;  // carry, trusted, in order
  const std::string value("\x04\x00", 2);
  EXPECT_TRUE(read(kFlags, value));
  EXPECT_TRUE(read(kFlags, value + value));
  EXPECT_FALSE(read(0x24, value)) << "no policy";
  EXPECT_FALSE(read(0x27, value)) << "no such policy";
  EXPECT_FALSE(read(0x65, value)) << "no such flag";
  EXPECT_FALSE(read(0x2d, std::string(1, '\0') + value)) << "no TTL at all";
  EXPECT_FALSE(read(kFlags, value + std::string(2, '\0'))) << "steps ascend";
  EXPECT_FALSE(read(kFlags, value + "\x04")) << "half a value";
  EXPECT_FALSE(read(kFlags, "\x04\xff\xff\xff\xff\x7f")) << "too large";
  EXPECT_FALSE(read(kFlags, std::string(9, '\xff') + std::string("\x03\0", 2)))
      << "more than 64 bits";
  EXPECT_FALSE(read(kFlags, std::string(10, '\xff') + value)) << "no end";
  EXPECT_FALSE(read(0x05, std::string("\x06\0\0", 3))) << "message 0";
}

}  // namespace
}  // namespace mneme
