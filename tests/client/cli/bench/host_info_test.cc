#include "client/cli/bench/host_info.h"

#include "client/cli/bench/process_cpu.h"
#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

TEST(HostInfoTest, TheMachineHasANameAndProcessors) {
  const HostInfo host = ThisHost();
  EXPECT_FALSE(host.name.empty());
  EXPECT_GT(host.cpus, 0u);
}

TEST(ProcessCpuTest, GrowsWithWork) {
  const absl::Duration before = ProcessCpuTime();
  volatile unsigned sink = 0;
  while (ProcessCpuTime() == before) sink = sink + 1;
  EXPECT_GT(ProcessCpuTime(), before);
}

}  // namespace
}  // namespace mneme::cli
