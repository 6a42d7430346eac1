#include "client/cli/bench/arrival_schedule.h"

#include <cmath>
#include <vector>

#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

std::vector<ArrivalSchedule::Arrival> Take(ArrivalSchedule schedule, int n) {
  std::vector<ArrivalSchedule::Arrival> arrivals;
  for (int i = 0; i < n; ++i, schedule.Pop()) {
    arrivals.push_back(schedule.next());
  }
  return arrivals;
}

TEST(ArrivalScheduleTest, ConstantArrivalsTakeTheSessionsInTurn) {
  const auto arrivals =
      Take(ArrivalSchedule(ArrivalProcess::kConstant, 100, 3, 1), 7);
  for (size_t i = 0; i < arrivals.size(); ++i) {
    EXPECT_EQ(arrivals[i].due, (i + 1) * absl::Milliseconds(10));
    EXPECT_EQ(arrivals[i].session, i % 3);
  }
}

TEST(ArrivalScheduleTest, ConstantArrivalsDoNotDrift) {
  const auto arrivals =
      Take(ArrivalSchedule(ArrivalProcess::kConstant, 3, 1, 1), 300000);
  EXPECT_EQ(arrivals.back().due, absl::Seconds(100000));
}

// The gaps of a Poisson process are exponential: the mean is 1/rate, and so is
// the deviation.
TEST(ArrivalScheduleTest, PoissonArrivalsHaveExponentialGaps) {
  constexpr int kArrivals = 100000;
  const auto arrivals =
      Take(ArrivalSchedule(ArrivalProcess::kPoisson, 1000, 4, 1), kArrivals);
  std::vector<int> of_session(4);
  double squares = 0;
  absl::Duration before;
  for (const auto& arrival : arrivals) {
    ASSERT_GE(arrival.due, before);
    squares += std::pow(absl::ToDoubleSeconds(arrival.due - before), 2);
    before = arrival.due;
    ++of_session.at(arrival.session);
  }
  EXPECT_NEAR(absl::ToDoubleSeconds(before), kArrivals / 1000.0, 1);
  EXPECT_NEAR(squares / kArrivals, 2e-6, 0.1e-6);
  for (int count : of_session) EXPECT_NEAR(count, 25000, 600);
}

TEST(ArrivalScheduleTest, ASeedGivesTheSameArrivals) {
  const auto take = [](uint64_t seed) {
    return Take(ArrivalSchedule(ArrivalProcess::kPoisson, 50, 8, seed), 20);
  };
  const auto first = take(1);
  const auto again = take(1);
  const auto other = take(2);
  for (size_t i = 0; i < first.size(); ++i) {
    EXPECT_EQ(first[i].due, again[i].due);
    EXPECT_EQ(first[i].session, again[i].session);
    EXPECT_NE(first[i].due, other[i].due);
  }
}

}  // namespace
}  // namespace mneme::cli
