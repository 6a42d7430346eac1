// That sessions in step do not collapse into small batches, for minutes.

#include <algorithm>
#include <string>

#include "gtest/gtest.h"
#include "tests/server/schedule/simulation.h"

namespace mneme {
namespace {

constexpr int64_t kSessions = 500;

struct Workload {
  std::string name;
  int64_t max_rows;
  StepTime step;
  absl::Duration away;
  absl::Duration jitter;
  absl::Duration length = absl::Minutes(2);
};

absl::Duration Us(double microseconds) {
  return absl::Microseconds(microseconds);
}

SimulationReport Simulate(const Workload& work, absl::Duration max_convoy_wait,
                          absl::Duration length) {
  SimulationOptions options;
  options.batch.max_rows = work.max_rows;
  options.batch.max_tokens = int64_t{1} << 40;
  options.batch.max_convoy_wait = max_convoy_wait;
  options.step = work.step;
  options.length = length;
  Simulation simulation(options);
  SessionGroup group;
  group.count = kSessions;
  group.away = work.away;
  group.jitter = work.jitter;
  simulation.Add(group);
  return simulation.Run();
}

// All that can be in a batch of a device that is never idle: the sessions times
// the part of their time that they are there, not away, if none waits.
double PossibleBatch(const Workload& work) {
  const double away = absl::ToDoubleSeconds(work.away + work.jitter);
  auto rows = static_cast<double>(std::min(kSessions, work.max_rows));
  for (int i = 0; i < 100; ++i) {
    const double step =
        absl::ToDoubleSeconds(work.step.Of(static_cast<int64_t>(rows)));
    rows = std::min(static_cast<double>(work.max_rows),
                    kSessions * step / (step + away));
  }
  return rows;
}

double PartOfPossible(const Workload& work, const SimulationReport& report) {
  const double part = report.MeanBatch() / PossibleBatch(work);
  ::testing::Test::RecordProperty("mean_batch",
                                  std::to_string(report.MeanBatch()));
  ::testing::Test::RecordProperty("part_of_possible", std::to_string(part));
  return part;
}

class ConvoyTest : public ::testing::TestWithParam<Workload> {};

std::string NameOf(const ::testing::TestParamInfo<Workload>& info) {
  return info.param.name;
}

TEST_P(ConvoyTest, BatchesStayNearWhatIsPossible) {
  const Workload& work = GetParam();
  const SimulationReport report =
      Simulate(work, BatchPolicyOptions().max_convoy_wait, work.length);
  EXPECT_GE(PartOfPossible(work, report), 0.8);
}

// A step that costs much by itself: a GPU that is far from full.
const Workload kFixedCost = {"FixedCost", 512,     {Us(8000), Us(8)},
                             Us(500),     Us(500), absl::Seconds(20)};
// Rows cost: GPT-2 with 512 tokens a row on an H200.
const Workload kRowCost = {"RowCost", 512,     {Us(800), Us(190)},
                           Us(500),   Us(500), absl::Minutes(2)};
// The zoo's model on a CPU.
const Workload kCpu = {"Cpu",    512,     {Us(5000), Us(500)},
                       Us(1000), Us(500), absl::Minutes(2)};
// So quick that round trips count.
const Workload kQuick = {"Quick", 512,     {Us(800), Us(1)},
                         Us(150), Us(100), absl::Seconds(3)};

INSTANTIATE_TEST_SUITE_P(
    Workloads, ConvoyTest,
    ::testing::Values(kFixedCost, kRowCost, kCpu, kQuick,
                      Workload{"RowLimit", 256, kRowCost.step, Us(500), Us(500),
                               absl::Minutes(2)},
                      Workload{"SmallRowLimit", 64, kCpu.step, Us(1000),
                               Us(500), absl::Minutes(2)},
                      Workload{"FarAway", 512, kFixedCost.step, Us(15'000),
                               Us(5'000), absl::Seconds(20)},
                      Workload{"Thinking",
                               512,
                               {Us(5000), Us(50)},
                               Us(1000),
                               Us(100'000),
                               absl::Seconds(30)}),
    NameOf);

class NoConvoyWaitTest : public ::testing::TestWithParam<Workload> {};

// What the wait is there for: without it the test above fails.
TEST_P(NoConvoyWaitTest, BatchesCollapseWithoutTheWait) {
  const Workload& work = GetParam();
  const SimulationReport report =
      Simulate(work, absl::ZeroDuration(), absl::Seconds(3));
  EXPECT_LT(PartOfPossible(work, report), 0.65);
}

INSTANTIATE_TEST_SUITE_P(Workloads, NoConvoyWaitTest,
                         ::testing::Values(kFixedCost, kRowCost, kCpu, kQuick),
                         NameOf);

TEST(ConvoySimulationTest, WhereStepsCostByThemselvesTheWaitPays) {
  const absl::Duration length = absl::Seconds(6);
  const SimulationReport with =
      Simulate(kFixedCost, BatchPolicyOptions().max_convoy_wait, length);
  const SimulationReport without =
      Simulate(kFixedCost, absl::ZeroDuration(), length);
  EXPECT_GT(with.rows, 1.3 * static_cast<double>(without.rows));
}

TEST(ConvoySimulationTest, WhereTheyDoNotItCostsLittle) {
  const absl::Duration length = absl::Seconds(6);
  const SimulationReport with =
      Simulate(kRowCost, BatchPolicyOptions().max_convoy_wait, length);
  const SimulationReport without =
      Simulate(kRowCost, absl::ZeroDuration(), length);
  EXPECT_GT(with.rows, 0.97 * static_cast<double>(without.rows));
}

TEST(ConvoySimulationTest, TheDeviceIsNeverIdleWhileMoreWaitsThanFits) {
  Workload work = kCpu;
  work.max_rows = 64;
  const SimulationReport report =
      Simulate(work, BatchPolicyOptions().max_convoy_wait, absl::Seconds(20));
  EXPECT_EQ(report.MeanBatch(), 64);
  EXPECT_GT(report.busy, 0.99 * absl::Seconds(18));
}

TEST(ConvoySimulationTest, ASingleSessionIsNeverDelayed) {
  for (const absl::Duration away : {Us(10), Us(300), Us(5000), Us(100'000)}) {
    SimulationOptions options;
    options.step = {Us(1000), Us(0)};
    options.step_jitter = 0;
    options.length = absl::Seconds(20);
    options.warm_up = absl::ZeroDuration();
    Simulation simulation(options);
    SessionGroup group;
    group.away = away;
    group.jitter = Us(100);
    simulation.Add(group);
    const SimulationReport report = simulation.Run();
    EXPECT_GT(report.groups[0].latencies.size(), 100);
    EXPECT_EQ(report.groups[0].Percentile(1), Us(1000)) << away;
  }
}

// Those who ended are not waited for; only at first, while it is not known.
TEST(ConvoySimulationTest, ASessionIsNotDelayedByThoseThatEnded) {
  SimulationOptions options;
  options.step = {Us(8000), Us(8)};
  options.step_jitter = 0;
  options.length = absl::Seconds(20);
  options.warm_up = absl::Seconds(10);
  Simulation simulation(options);
  SessionGroup group;
  group.away = Us(500);
  group.jitter = Us(500);
  simulation.Add(group);
  group.count = 200;
  group.segments = 100;
  simulation.Add(group);
  const SimulationReport report = simulation.Run();
  EXPECT_TRUE(report.groups[1].latencies.empty());
  EXPECT_EQ(report.groups[0].Percentile(1), options.step.Of(1));
}

}  // namespace
}  // namespace mneme
