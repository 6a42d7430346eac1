#include "client/cli/bench/bench_command.h"

#include <utility>
#include <vector>

#include "client/cli/bench/bench_line.h"
#include "client/cli/bench/bench_plan.h"
#include "client/cli/bench/bench_report.h"
#include "client/cli/bench/host_info.h"
#include "client/timer.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

// Why nothing was answered, if nothing was.
absl::Status CheckAnswered(const std::vector<BenchResult>& results) {
  absl::Status error = absl::DeadlineExceededError(
      "no segment was answered in the time that was measured");
  for (const BenchResult& result : results) {
    if (result.totals.segments > 0) return absl::OkStatus();
    if (!result.totals.first_error.ok()) error = result.totals.first_error;
  }
  return error;
}

}  // namespace

absl::Status RunBench(client::Client& client, const BenchArguments& arguments,
                      const Environment& environment) {
  ASSIGN_OR_RETURN(const BenchPlan plan, MakeBenchPlan(client, arguments));
  const HostInfo host = ThisHost();
  client::TimerThread timer(environment.clock);
  std::vector<BenchResult> results;
  absl::Status status;
  for (size_t i = 0; status.ok() && i < plan.loads.size(); ++i) {
    const absl::Time time = environment.clock->Wall();
    BenchLine line(client, timer, arguments, plan, plan.loads[i],
                   RandomBits::Mix(plan.seed, i), environment);
    status = line.Run();
    BenchResult result{plan.loads[i], line.totals(), line.cpu_time(), time};
    if (!result.totals.ended()) break;
    if (arguments.common.json) {
      environment.out << BenchJson(result, arguments, plan, host) << std::endl;
    }
    results.push_back(std::move(result));
  }
  if (!arguments.common.json) {
    environment.out << BenchTable(results) << std::flush;
  }
  RETURN_IF_ERROR(status);
  return CheckAnswered(results);
}

}  // namespace mneme::cli
