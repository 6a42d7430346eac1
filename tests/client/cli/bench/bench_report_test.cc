#include "client/cli/bench/bench_report.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/segments.h"
#include "tests/testing/status_matchers.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::MakeSegment;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

absl::Duration At(int milliseconds) { return absl::Milliseconds(milliseconds); }

// Four segments of two tokens in half a second, due 1, 2, 3 and 4 ms before
// their answers and sent 1 ms before.
BenchResult FourSegments(double rate) {
  BenchResult result;
  result.load = {2, rate};
  result.totals.Begin(At(0));
  client::SegmentResult segment = MakeSegment(1, {-1, -1});
  segment.queue_time = absl::Microseconds(20);
  segment.commit_time = absl::Microseconds(30);
  for (int wait = 1; wait <= 4; ++wait) {
    result.totals.Answered({At(100 - wait), At(99), At(100)}, segment);
  }
  result.totals.End(At(500));
  result.cpu_time = absl::Microseconds(200);
  result.time = absl::FromUnixSeconds(0);
  return result;
}

std::string Table(double rate) { return BenchTable({FourSegments(rate)}); }

TEST(BenchTableTest, ARowHasTheNumbersOfItsLine) {
  const std::string table = Table(0);
  EXPECT_THAT(table, Not(HasSubstr("SERVICE")));
  EXPECT_THAT(table, Not(HasSubstr("RATE")));
  EXPECT_EQ(table,
            "SESSIONS  SEGMENTS/S  TOKENS/S      P50      P90      P99    "
            "P99.9      MAX  BATCH  QUEUE P50  DEVICE P50  COMMIT P50  "
            "CLIENT\n"
            "2                  8        16  2.00 ms  4.00 ms  4.00 ms  "
            "4.00 ms  4.00 ms    4.0      20 us       50 us       30 us   "
            "50 us\n");
}

TEST(BenchTableTest, AnOpenLoopShowsWhatWasAskedAndTheServiceTime) {
  const std::string table = Table(12.5);
  EXPECT_THAT(table, AllOf(HasSubstr("RATE"), HasSubstr("12.5"),
                           HasSubstr("SERVICE P50"), HasSubstr("1.00 ms"),
                           HasSubstr("LAG P99"), HasSubstr("-")));
}

TEST(BenchTableTest, WhatWentWrongStandsBelow) {
  BenchResult result = FourSegments(0);
  EXPECT_THAT(BenchTable({result}), Not(HasSubstr("2 sessions:")));
  LineTotals totals;
  totals.Begin(At(0));
  totals.Failed(absl::UnavailableError("x"), 1200, At(1));
  totals.Retried(At(1));
  totals.Reopened(At(1));
  totals.Unanswered({At(1), At(1), At(2)});
  result.totals = totals;
  EXPECT_THAT(BenchTable({FourSegments(0), result}),
              HasSubstr("\n2 sessions: 1,200 errors UNAVAILABLE, 1 retried, "
                        "1 unanswered, 1 sessions opened in another's "
                        "place\n"));
  result.load.rate = 7;
  EXPECT_THAT(BenchTable({result}), HasSubstr("\n2 sessions at 7/s: "));
}

TEST(BenchTableTest, OfNothingIsNothing) { EXPECT_EQ(BenchTable({}), ""); }

class BenchJsonTest : public ::testing::Test {
 protected:
  nlohmann::json Json(const BenchResult& result) {
    auto tokens = TokenSource::Open("random", 256);
    EXPECT_THAT(tokens, IsOk());
    BenchPlan plan{{}, SegmentMix(8), {}, *tokens, 7, {}};
    plan.model.name = "zoo";
    plan.model.version = 3;
    plan.model.fingerprint = "\x01\xff";
    plan.outputs.names = {"argmax"};
    plan.outputs.last_position_only = true;
    const std::string line =
        BenchJson(result, arguments_, plan, {"here", "a CPU", 2});
    EXPECT_THAT(line, Not(HasSubstr("\n")));
    return nlohmann::json::parse(line);
  }

  BenchArguments arguments_;
};

TEST_F(BenchJsonTest, HasTheNumbers) {
  BenchResult result = FourSegments(0);
  result.totals.Failed(absl::DataLossError("x"), 2, At(1));
  const nlohmann::json json = Json(result);
  EXPECT_EQ(json["segments"], 4);
  EXPECT_EQ(json["tokens"], 8);
  EXPECT_EQ(json["seconds"], 0.5);
  EXPECT_EQ(json["segments_per_second"], 8);
  EXPECT_EQ(json["tokens_per_second"], 16);
  EXPECT_NEAR(json["latency_us"]["p50"].get<double>(), 2000, 2);
  EXPECT_NEAR(json["latency_us"]["p99_9"].get<double>(), 4000, 4);
  EXPECT_EQ(json["latency_us"]["max"], 4000);
  EXPECT_EQ(json["latency_us"]["mean"], 2500);
  EXPECT_EQ(json["service_us"]["max"], 1000);
  EXPECT_EQ(json["server_us"]["queue"]["max"], 20);
  EXPECT_EQ(json["server_us"]["device"]["max"], 50);
  EXPECT_EQ(json["server_us"]["commit"]["max"], 30);
  EXPECT_EQ(json["mean_batch"], 4);
  EXPECT_EQ(json["client_cpu_us_per_segment"], 50);
  EXPECT_EQ(json["errors"], (nlohmann::json{{"DATA_LOSS", 2}}));
}

TEST_F(BenchJsonTest, HasAllThatItTakesToRepeatIt) {
  arguments_.durability = client::Durability::kSync;
  arguments_.common.server = "h:1";
  const nlohmann::json closed = Json(FourSegments(0));
  EXPECT_EQ(closed["load"]["loop"], "closed");
  EXPECT_EQ(closed["load"]["sessions"], 2);
  EXPECT_TRUE(closed["load"]["rate"].is_null());
  EXPECT_EQ(closed["settings"]["seed"], 7);
  EXPECT_EQ(closed["settings"]["segment_tokens"], "8");
  EXPECT_EQ(closed["settings"]["durability"], "sync");
  EXPECT_EQ(closed["settings"]["outputs"], nlohmann::json({"argmax"}));
  EXPECT_EQ(closed["settings"]["all_positions"], false);
  EXPECT_EQ(closed["settings"]["duration_seconds"], 10);
  EXPECT_TRUE(closed["settings"]["segments"].is_null());
  EXPECT_EQ(closed["model"]["name"], "zoo");
  EXPECT_EQ(closed["model"]["version"], 3);
  EXPECT_EQ(closed["model"]["fingerprint"], "01ff");
  EXPECT_EQ(closed["server"], "h:1");
  EXPECT_EQ(closed["host"]["cpus"], 2);
  EXPECT_EQ(closed["date"], "1970-01-01T00:00:00Z");
  arguments_.segments = 5;
  const nlohmann::json open = Json(FourSegments(12.5));
  EXPECT_EQ(open["load"]["loop"], "open");
  EXPECT_EQ(open["load"]["rate"], 12.5);
  EXPECT_EQ(open["load"]["arrivals"], "poisson");
  EXPECT_EQ(open["settings"]["segments"], 5);
  EXPECT_TRUE(open["settings"]["duration_seconds"].is_null());
}

}  // namespace
}  // namespace mneme::cli
