#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cli/bench/bench_report.h"
#include "client/cli/text_table.h"

namespace mneme::cli {
namespace {

std::string Whole(double number) {
  return WithCommas(static_cast<uint64_t>(std::llround(number)));
}

std::string Rate(double rate) {
  return rate == std::floor(rate) ? Whole(rate) : absl::StrFormat("%.1f", rate);
}

std::string Percentile(const LatencyHistogram& histogram, double q) {
  return histogram.count() == 0 ? "-"
                                : HumanMicros(histogram.PercentileMicros(q));
}

std::vector<std::string> Headings(bool open_loop) {
  std::vector<std::string> cells = {"SESSIONS"};
  if (open_loop) cells.emplace_back("RATE");
  for (const char* heading :
       {"SEGMENTS/S", "TOKENS/S", "P50", "P90", "P99", "P99.9", "MAX"}) {
    cells.emplace_back(heading);
  }
  if (open_loop) {
    cells.insert(cells.end(), {"SERVICE P50", "P99", "LAG P99"});
  }
  for (const char* heading :
       {"BATCH", "QUEUE P50", "DEVICE P50", "COMMIT P50", "CLIENT"}) {
    cells.emplace_back(heading);
  }
  return cells;
}

std::vector<std::string> Row(const BenchResult& result, bool open_loop) {
  const LineTotals& totals = result.totals;
  std::vector<std::string> cells = {WithCommas(result.load.sessions)};
  if (open_loop) cells.push_back(Rate(result.load.rate));
  cells.push_back(Whole(totals.SegmentsPerSecond()));
  cells.push_back(Whole(totals.TokensPerSecond()));
  for (double q : {0.5, 0.9, 0.99, 0.999, 1.0}) {
    cells.push_back(Percentile(totals.latency, q));
  }
  if (open_loop) {
    cells.push_back(Percentile(totals.service, 0.5));
    cells.push_back(Percentile(totals.service, 0.99));
    cells.push_back(Percentile(totals.lag, 0.99));
  }
  cells.push_back(absl::StrFormat("%.1f", totals.MeanBatchSize()));
  for (const LatencyHistogram* times :
       {&totals.queue, &totals.device, &totals.commit}) {
    cells.push_back(Percentile(*times, 0.5));
  }
  cells.push_back(HumanMicros(result.CpuMicrosPerSegment()));
  return cells;
}

// What a person must know to read the row right; empty where there is nothing.
std::string Notes(const BenchResult& result) {
  const LineTotals& totals = result.totals;
  std::string notes;
  for (const auto& [code, count] : totals.errors) {
    absl::StrAppend(&notes, ", ", Counted(count, "error"), " ",
                    absl::StatusCodeToString(code));
  }
  const auto add = [&notes](uint64_t count, absl::string_view what) {
    if (count > 0) absl::StrAppend(&notes, ", ", WithCommas(count), " ", what);
  };
  add(totals.retries, "retried");
  add(totals.unanswered, "unanswered");
  add(totals.sessions_reopened, "sessions opened in another's place");
  add(totals.kept, "kept");
  add(totals.recomputed, "recomputed");
  add(totals.shared, "shared (not computed)");
  return notes.empty() ? notes : notes.substr(2);
}

}  // namespace

std::string BenchTable(const std::vector<BenchResult>& results) {
  if (results.empty()) return "";
  const bool open_loop = results[0].load.open_loop();
  TextTable table(Headings(open_loop));
  std::string below;
  for (const BenchResult& result : results) {
    table.AddRow(Row(result, open_loop));
    const std::string notes = Notes(result);
    if (notes.empty()) continue;
    absl::StrAppend(&below, Counted(result.load.sessions, "session"));
    if (open_loop)
      absl::StrAppend(&below, " at ", Rate(result.load.rate), "/s");
    absl::StrAppend(&below, ": ", notes, "\n");
  }
  return absl::StrCat(table.Format(), below);
}

}  // namespace mneme::cli
