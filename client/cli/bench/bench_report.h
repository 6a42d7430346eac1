#ifndef MNEME_CLIENT_CLI_BENCH_BENCH_REPORT_H_
#define MNEME_CLIENT_CLI_BENCH_BENCH_REPORT_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "client/cli/arguments.h"
#include "client/cli/bench/bench_plan.h"
#include "client/cli/bench/host_info.h"
#include "client/cli/bench/line_totals.h"

namespace mneme::cli {

// A measured line. A plain value.
struct BenchResult {
  BenchLoad load;
  LineTotals totals;
  absl::Duration cpu_time;                 // of this program
  absl::Time time = absl::InfinitePast();  // when it began

  double CpuMicrosPerSegment() const {
    if (totals.segments == 0) return 0;
    return absl::ToDoubleMicroseconds(cpu_time) /
           static_cast<double>(totals.segments);
  }
};

// Puts a bench's results into words. Functions of values: thread-safe.

// All of them for people: a row each, and what went wrong below.
std::string BenchTable(const std::vector<BenchResult>& results);

// One of them, with all that it takes to repeat it, as a JSON object on a line.
std::string BenchJson(const BenchResult& result,
                      const BenchArguments& arguments, const BenchPlan& plan,
                      const HostInfo& host);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_BENCH_REPORT_H_
