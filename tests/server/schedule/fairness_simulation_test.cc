// What tenants, classes and deadlines do to each other, over seconds of
// overload.

#include "gtest/gtest.h"
#include "tests/server/schedule/simulation.h"

namespace mneme {
namespace {

absl::Duration Ms(double milliseconds) {
  return absl::Milliseconds(milliseconds);
}

SimulationOptions Options(int64_t max_rows, StepTime step) {
  SimulationOptions options;
  options.batch.max_rows = max_rows;
  options.step = step;
  options.length = absl::Seconds(20);
  return options;
}

SessionGroup Sessions(int64_t count, absl::Duration away,
                      absl::Duration jitter) {
  SessionGroup group;
  group.count = count;
  group.away = away;
  group.jitter = jitter;
  return group;
}

struct Tenants {
  std::string name;
  int64_t max_rows;
  StepTime step;
  SessionGroup quiet;
};

// The quiet tenant's p99, while a tenant with ten times its sessions, which
// hardly pause, floods the server.
absl::Duration P99(const Tenants& tenants, bool flooded, bool fair) {
  SimulationOptions options = Options(tenants.max_rows, tenants.step);
  options.fair = fair;
  Simulation simulation(options);
  SessionGroup quiet = tenants.quiet;
  quiet.tenant = "quiet";
  simulation.Add(quiet);
  if (flooded) {
    SessionGroup flood = Sessions(10 * quiet.count, Ms(0.5), Ms(0.3));
    flood.tenant = "flood";
    simulation.Add(flood);
  }
  return simulation.Run().groups[0].Percentile(0.99);
}

class FloodTest : public ::testing::TestWithParam<Tenants> {};

// As long as a full batch does not take much longer than the tenant's own: a
// batch that runs is not broken off. --max-batch is for that.
TEST_P(FloodTest, LeavesAnothersP99WithinTwiceItsOwn) {
  const absl::Duration solo = P99(GetParam(), false, true);
  const absl::Duration flooded = P99(GetParam(), true, true);
  RecordProperty("solo", absl::FormatDuration(solo));
  RecordProperty("flooded", absl::FormatDuration(flooded));
  EXPECT_LE(flooded, 2 * solo);
}

TEST_P(FloodTest, AsItWouldNotIfAllWereOneTenant) {
  EXPECT_GT(P99(GetParam(), true, false), 2 * P99(GetParam(), false, true));
}

INSTANTIATE_TEST_SUITE_P(
    Tenants, FloodTest,
    ::testing::Values(
        Tenants{"FewThatThink",
                64,
                {Ms(8), Ms(0.05)},
                Sessions(20, Ms(20), Ms(20))},
        Tenants{"FewThatHardlyPause",
                64,
                {Ms(8), Ms(0.05)},
                Sessions(40, Ms(5), Ms(5))},
        Tenants{"MoreThanABatch",
                64,
                {Ms(8), Ms(0.05)},
                Sessions(100, Ms(0.5), Ms(0.3))},
        Tenants{"RowsCostMoreThanABatch",
                64,
                {Ms(1), Ms(0.19)},
                Sessions(100, Ms(0.5), Ms(0.3))},
        Tenants{"Cpu", 16, {Ms(5), Ms(0.5)}, Sessions(20, Ms(20), Ms(20))}),
    [](const auto& tenants) { return tenants.param.name; });

TEST(FairnessSimulationTest, TenantsShareTheDeviceByWeight) {
  SimulationOptions options = Options(32, {Ms(5), Ms(0.1)});
  options.weights = {{"heavy", 3}};
  Simulation simulation(options);
  SessionGroup group = Sessions(200, Ms(1), Ms(1));
  simulation.Add(group);
  group.tenant = "heavy";
  simulation.Add(group);
  const SimulationReport report = simulation.Run();
  const auto light = static_cast<double>(report.groups[0].latencies.size());
  const auto heavy = static_cast<double>(report.groups[1].latencies.size());
  EXPECT_NEAR(heavy / light, 3, 0.1);
}

TEST(FairnessSimulationTest, AHigherClassHardlyNoticesTheLower) {
  const SimulationOptions options = Options(32, {Ms(5), Ms(0.1)});
  SessionGroup high = Sessions(10, Ms(20), Ms(20));
  high.priority = Priority::kHigh;
  Simulation alone(options);
  alone.Add(high);
  Simulation loaded(options);
  loaded.Add(high);
  loaded.Add(Sessions(300, Ms(1), Ms(1)));
  EXPECT_LE(loaded.Run().groups[0].Percentile(0.99),
            2 * alone.Run().groups[0].Percentile(0.99));
}

// So many sessions of the low class behind 300 of the high one, which alone
// are more than the device can serve.
SimulationReport RunBehindHigh(int64_t low_sessions) {
  Simulation simulation(Options(32, {Ms(5), Ms(0.1)}));
  SessionGroup high = Sessions(300, Ms(1), Ms(1));
  high.priority = Priority::kHigh;
  simulation.Add(high);
  SessionGroup low = Sessions(low_sessions, Ms(1), Ms(1));
  low.priority = Priority::kLow;
  simulation.Add(low);
  return simulation.Run();
}

TEST(FairnessSimulationTest, ALowClassIsNotStarved) {
  const SimulationReport report = RunBehindHigh(5);
  // After two seconds it counts as high.
  EXPECT_GT(report.groups[1].latencies.size(), 30);
  EXPECT_LT(report.groups[1].Percentile(1), absl::Seconds(2.1));
  EXPECT_GT(report.groups[1].Percentile(0), absl::Seconds(1.9));
}

TEST(FairnessSimulationTest, AStarvedCrowdLeavesTheHighClassThreeQuarters) {
  const SimulationReport report = RunBehindHigh(3000);
  const auto rows = static_cast<double>(report.rows);
  const auto low_rows = static_cast<double>(report.groups[1].latencies.size());
  EXPECT_NEAR(low_rows / rows, 0.25, 0.02);
}

// Four hundred sessions on a device that answers some 1200 segments a second:
// who is patient waits 330 ms.
class OverloadTest : public ::testing::TestWithParam<double> {};

TEST_P(OverloadTest, HopelessWorkCostsNoDeviceTime) {
  SimulationOptions options = Options(16, {Ms(5), Ms(0.5)});
  options.length = absl::Seconds(6);
  Simulation simulation(options);
  SessionGroup group = Sessions(400, Ms(1), Ms(1));
  group.timeout = Ms(GetParam());
  simulation.Add(group);
  const SimulationReport report = simulation.Run();
  const GroupReport& seen = report.groups[0];
  const auto answered = static_cast<double>(seen.latencies.size());
  EXPECT_GT(seen.dropped, 0);
  EXPECT_LT(static_cast<double>(seen.late), 0.01 * answered);
  // Nor does it make the device idle, or its batches tiny.
  EXPECT_GT(report.busy, 0.98 * absl::Seconds(4));
  EXPECT_GE(report.MeanBatch(), 0.4 * 16);
}

INSTANTIATE_TEST_SUITE_P(Milliseconds, OverloadTest,
                         ::testing::Values(12, 20, 50, 100, 300));

// Steps take longer than every deadline allows: only what mends the guess runs,
// once a second.
TEST(FairnessSimulationTest, WhatCanNeverBeInTimeIsTriedOnceASecond) {
  SimulationOptions options = Options(16, {Ms(12), Ms(0.05)});
  Simulation simulation(options);
  SessionGroup group = Sessions(30, Ms(1), Ms(1));
  group.timeout = Ms(8);
  simulation.Add(group);
  const SimulationReport report = simulation.Run();
  EXPECT_GE(report.batches, 15);
  EXPECT_LE(report.batches, 20);
}

}  // namespace
}  // namespace mneme
