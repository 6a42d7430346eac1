#include "client/cli/bench/segment_queue.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

absl::Duration At(int milliseconds) { return absl::Milliseconds(milliseconds); }

TEST(SegmentQueueTest, SendsWhatIsDueWhileThereIsAPlace) {
  SegmentQueue queue(/*in_flight=*/2);
  EXPECT_FALSE(queue.CanSend());
  for (int due : {1, 2, 3}) queue.Arrive(At(due));
  for (int i = 0; i < 2; ++i) {
    ASSERT_TRUE(queue.CanSend());
    queue.Send(At(10));
  }
  EXPECT_FALSE(queue.CanSend());
  EXPECT_FALSE(queue.has_place());
  EXPECT_EQ(queue.under_way(), 2u);
  queue.DropOldest();
  EXPECT_TRUE(queue.CanSend());
}

TEST(SegmentQueueTest, TheTimeItWasDueStaysWithASegment) {
  SegmentQueue queue(/*in_flight=*/1);
  queue.Arrive(At(1));
  queue.Arrive(At(5));
  queue.Send(At(2));
  const SegmentTimes first = queue.Oldest(At(100));
  EXPECT_EQ(queue.under_way(), 1u);
  queue.DropOldest();
  EXPECT_EQ(first.latency(), At(99));
  EXPECT_EQ(first.service(), At(98));
  queue.Send(At(100));
  const SegmentTimes second = queue.Oldest(At(103));
  EXPECT_EQ(second.latency(), At(98));
  EXPECT_EQ(second.service(), At(3));
}

TEST(SegmentQueueTest, WhatIsDroppedSaysHowLongItWaited) {
  SegmentQueue queue(/*in_flight=*/1);
  queue.Arrive(At(1));
  queue.Arrive(At(2));
  queue.Send(At(3));
  const auto due = queue.DropDue(At(10));
  ASSERT_THAT(due, SizeIs(1));
  EXPECT_EQ(due[0].latency(), At(8));
  const auto under_way = queue.DropUnderWay(At(20));
  ASSERT_THAT(under_way, SizeIs(1));
  EXPECT_EQ(under_way[0].latency(), At(19));
  EXPECT_EQ(under_way[0].service(), At(17));
  EXPECT_THAT(queue.DropUnderWay(At(20)), IsEmpty());
  EXPECT_THAT(queue.DropDue(At(20)), IsEmpty());
}

}  // namespace
}  // namespace mneme::cli
