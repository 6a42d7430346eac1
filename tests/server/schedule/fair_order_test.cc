#include "server/schedule/fair_order.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Waiting {
  uint32_t tenant;
  int64_t due;
  int64_t tokens = 1;
};

std::vector<size_t> OrderOf(const std::vector<Waiting>& waiting,
                            absl::Span<const TenantShare> shares) {
  std::vector<WaitingSegment> queue;
  std::vector<OrderedSegment> segments;
  for (const Waiting& one : waiting) {
    segments.push_back(
        {one.due, static_cast<uint32_t>(queue.size()), one.tenant});
    queue.emplace_back().tenant = one.tenant;
    queue.back().num_tokens = one.tokens;
  }
  VirtualTimes times(shares);
  FairOrder order(queue, segments, &times);
  std::vector<size_t> indices;
  for (; !order.empty(); order.Pop()) indices.push_back(order.Peek());
  return indices;
}

TEST(FairOrderTest, NothingIsEmpty) { EXPECT_THAT(OrderOf({}, {}), IsEmpty()); }

TEST(FairOrderTest, OneTenantGoesByDueTimeThenByPlace) {
  EXPECT_THAT(OrderOf({{0, 5}, {0, 1}, {0, 5}, {0, 3}}, {}),
              ElementsAre(1, 3, 0, 2));
}

TEST(FairOrderTest, EvenTenantsTakeTurnsTheOldestFirst) {
  EXPECT_THAT(OrderOf({{1, 9}, {1, 9}, {1, 9}, {0, 1}, {0, 1}}, {}),
              ElementsAre(0, 3, 1, 4, 2));
}

TEST(FairOrderTest, WhoHadLessCatchesUpFirst) {
  EXPECT_THAT(
      OrderOf({{0, 0}, {0, 0}, {1, 0}, {1, 0}, {1, 0}}, {{2, 1}, {0, 1}}),
      ElementsAre(2, 3, 0, 4, 1));
}

TEST(FairOrderTest, LongSegmentsCountMore) {
  EXPECT_THAT(OrderOf({{0, 0, 3}, {0, 0, 3}, {1, 0}, {1, 0}, {1, 0}}, {}),
              ElementsAre(0, 2, 3, 4, 1));
}

TEST(FairOrderTest, AHeavyTenantHasMoreTurns) {
  EXPECT_THAT(
      OrderOf({{0, 0}, {1, 0}, {1, 0}, {1, 0}, {0, 0}}, {{0, 1}, {0.1, 3}}),
      ElementsAre(0, 1, 2, 3, 4));
}

}  // namespace
}  // namespace mneme
