#include "client/cli/run_totals.h"

#include <cmath>
#include <nlohmann/json.hpp>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/segments.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::MakeSegment;
using ::testing::HasSubstr;
using ::testing::Not;

RunTotals TwoSegments() {
  RunTotals totals;
  totals.model = "zoo";
  totals.sessions = 2;
  totals.memory_bytes = 21760;
  totals.elapsed = absl::Milliseconds(500);
  const float bit = -std::log(2.0f);
  totals.Add(MakeSegment(1, {std::nanf(""), bit, 3 * bit}));
  totals.Add(MakeSegment(2, {2 * bit, 2 * bit}));
  return totals;
}

TEST(RunTotalsTest, BitsPerByteLeaveUnscoredTokensOut) {
  RunTotals totals = TwoSegments();
  EXPECT_EQ(totals.tokens, 5u);
  EXPECT_EQ(totals.scored_tokens, 4u);
  ASSERT_TRUE(totals.BitsPerByte().has_value());
  EXPECT_NEAR(*totals.BitsPerByte(), 2.0, 1e-6);
  EXPECT_DOUBLE_EQ(totals.TokensPerSecond(), 10.0);
  EXPECT_DOUBLE_EQ(totals.MeanBatchSize(), 4.0);
}

TEST(RunTotalsTest, JsonIsOneLineOfNumbers) {
  std::string line = TwoSegments().Json();
  EXPECT_THAT(line, Not(HasSubstr("\n")));
  nlohmann::json json = nlohmann::json::parse(line);
  for (const char* key :
       {"segments", "tokens", "tokens_per_second", "bits_per_byte", "p50_us",
        "p99_us", "memory_bytes", "sessions", "retries", "errors"}) {
    ASSERT_TRUE(json.contains(key)) << key;
    EXPECT_TRUE(json[key].is_number()) << key;
  }
  EXPECT_EQ(json["segments"], 2);
  EXPECT_EQ(json["memory_bytes"], 21760);
  EXPECT_NEAR(json["bits_per_byte"].get<double>(), 2.0, 1e-6);
  EXPECT_NEAR(json["p99_us"].get<double>(), 100, 2);
}

TEST(RunTotalsTest, NothingScoredIsNullAndNotZero) {
  RunTotals totals;
  EXPECT_TRUE(nlohmann::json::parse(totals.Json())["bits_per_byte"].is_null());
  EXPECT_THAT(totals.Table(), HasSubstr("not scored"));
  EXPECT_EQ(totals.TokensPerSecond(), 0);
}

TEST(RunTotalsTest, WhatWasAnsweredAgainIsCounted) {
  RunTotals totals = TwoSegments();
  EXPECT_EQ(nlohmann::json::parse(totals.Json())["kept"], 0);
  EXPECT_THAT(totals.Table(), Not(HasSubstr("kept")));
  EXPECT_THAT(totals.Table(), Not(HasSubstr("recomputed")));
  client::SegmentResult segment = MakeSegment(3, {-1});
  segment.source = client::ResultSource::kKept;
  totals.Add(segment);
  EXPECT_THAT(totals.Table(), HasSubstr("kept"));
  segment.source = client::ResultSource::kRecomputed;
  totals.Add(segment);
  totals.Add(segment);
  EXPECT_THAT(totals.Table(), HasSubstr("recomputed"));
  EXPECT_THAT(totals.Table(), Not(HasSubstr("shared")));
  segment.source = client::ResultSource::kShared;
  totals.Add(segment);
  EXPECT_THAT(totals.Table(), HasSubstr("shared"));
  const nlohmann::json json = nlohmann::json::parse(totals.Json());
  EXPECT_EQ(json["kept"], 1);
  EXPECT_EQ(json["recomputed"], 2);
  EXPECT_EQ(json["shared"], 1);
  EXPECT_EQ(json["segments"], 6);
}

TEST(RunTotalsTest, TheTableHasWhatThePersonWants) {
  std::string table = TwoSegments().Table();
  for (const char* part : {"segments", "tokens/s", "bits per byte", "2.0000",
                           "reply p50", "reply p99", "21,760 bytes"}) {
    EXPECT_THAT(table, HasSubstr(part));
  }
  EXPECT_THAT(table, Not(HasSubstr("errors")));
}

}  // namespace
}  // namespace mneme::cli
