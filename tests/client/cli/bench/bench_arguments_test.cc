#include "client/cli/bench/bench_arguments.h"

#include <sstream>
#include <string>
#include <variant>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

class BenchArgumentsTest : public ::testing::Test {
 protected:
  BenchArguments Parse(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "bench");
    const Command command = ParseArguments(arguments, out_, err_);
    const auto* bench = std::get_if<BenchArguments>(&command);
    EXPECT_NE(bench, nullptr) << err_.str();
    return bench == nullptr ? BenchArguments() : *bench;
  }
  // Refused, by name, with what was expected.
  void ExpectError(std::vector<std::string> arguments, const std::string& flag,
                   const std::string& expected) {
    arguments.insert(arguments.begin(), "bench");
    err_.str("");
    const Command command = ParseArguments(arguments, out_, err_);
    const auto* nothing = std::get_if<NothingToRun>(&command);
    ASSERT_NE(nothing, nullptr) << flag;
    EXPECT_EQ(nothing->exit_status, 2);
    EXPECT_THAT(err_.str(), AllOf(StartsWith("mneme: "), HasSubstr(flag),
                                  HasSubstr(expected)));
  }

  std::ostringstream out_;
  std::ostringstream err_;
};

TEST_F(BenchArgumentsTest, AClosedLoopOfOneSessionIsTheDefault) {
  const BenchArguments bench = Parse({});
  EXPECT_THAT(bench.sessions, ElementsAre(1));
  EXPECT_THAT(bench.rates, IsEmpty());
  EXPECT_EQ(bench.in_flight, 1u);
  EXPECT_FALSE(bench.mix.has_value());
  EXPECT_FALSE(bench.unary);
  EXPECT_EQ(bench.session_segments, 0u);
  EXPECT_EQ(bench.tokens, "random");
  EXPECT_FALSE(bench.all_positions);
  EXPECT_EQ(bench.durability, client::Durability::kServerDefault);
  EXPECT_EQ(bench.warmup, absl::Seconds(1));
  EXPECT_EQ(bench.duration, absl::Seconds(10));
  EXPECT_EQ(bench.segments, 0u);
  EXPECT_FALSE(bench.seed.has_value());
}

TEST_F(BenchArgumentsTest, KnowsItsFlags) {
  const BenchArguments bench = Parse({"--sessions",
                                      "64",
                                      "--rates",
                                      "100,2.5",
                                      "--arrivals",
                                      "constant",
                                      "--in-flight",
                                      "4",
                                      "--segment-tokens",
                                      "8:1,3:2",
                                      "--rpc",
                                      "stream",
                                      "--session-segments",
                                      "50",
                                      "--tokens",
                                      "book",
                                      "--outputs",
                                      "top_k,argmax",
                                      "--top-k",
                                      "5",
                                      "--all-positions",
                                      "--durability",
                                      "memory",
                                      "--warmup",
                                      "0s",
                                      "--segments",
                                      "1000",
                                      "--retry-for",
                                      "2s",
                                      "--seed",
                                      "7",
                                      "--model",
                                      "m",
                                      "--server",
                                      "h:1",
                                      "--json"});
  EXPECT_THAT(bench.sessions, ElementsAre(64));
  EXPECT_THAT(bench.rates, ElementsAre(100, 2.5));
  EXPECT_EQ(bench.arrivals, ArrivalProcess::kConstant);
  EXPECT_EQ(bench.in_flight, 4u);
  ASSERT_TRUE(bench.mix.has_value());
  EXPECT_EQ(bench.mix->ToString(), "8:1,3:2");
  EXPECT_EQ(bench.session_segments, 50u);
  EXPECT_EQ(bench.tokens, "book");
  EXPECT_THAT(bench.outputs, ElementsAre("top_k", "argmax"));
  EXPECT_EQ(bench.top_k, 5u);
  EXPECT_TRUE(bench.all_positions);
  EXPECT_EQ(bench.durability, client::Durability::kMemory);
  EXPECT_EQ(bench.warmup, absl::ZeroDuration());
  EXPECT_EQ(bench.segments, 1000u);
  EXPECT_EQ(bench.retry_for, absl::Seconds(2));
  EXPECT_EQ(bench.seed, 7u);
  EXPECT_EQ(bench.model, "m");
  EXPECT_EQ(bench.common.server, "h:1");
  EXPECT_TRUE(bench.common.json);
}

TEST_F(BenchArgumentsTest, ARampIsALineForEachNumberOfSessions) {
  EXPECT_THAT(Parse({"--ramp", "1,8,64"}).sessions, ElementsAre(1, 8, 64));
  EXPECT_THAT(Parse({"--rate", "50"}).rates, ElementsAre(50));
  EXPECT_TRUE(Parse({"--rpc", "process"}).unary);
  EXPECT_EQ(Parse({"--duration", "1500ms"}).duration, absl::Seconds(1.5));
}

TEST_F(BenchArgumentsTest, WrongFlagsAreNamedWithWhatWasExpected) {
  ExpectError({"--sessions", "0"}, "--sessions", "1");
  ExpectError({"--ramp", "1,x"}, "--ramp", "x");
  ExpectError({"--ramp", "1,0"}, "--ramp", "1");
  ExpectError({"--rate", "0"}, "--rate", "expected segments a second, above 0");
  ExpectError({"--rates", "1,-1"}, "--rates", "above 0, got '-1'");
  ExpectError({"--rates", "nan"}, "--rates", "above 0");
  ExpectError({"--arrivals", "sometimes"}, "--arrivals", "poisson");
  ExpectError({"--in-flight", "9"}, "--in-flight", "8");
  ExpectError({"--segment-tokens", "8:x"}, "--segment-tokens",
              "512:0.9,100:0.1");
  ExpectError({"--rpc", "pigeon"}, "--rpc", "process");
  ExpectError({"--session-segments", "0"}, "--session-segments", "1");
  ExpectError({"--warmup", "soon"}, "--warmup", "expected a time");
  ExpectError({"--duration", "0s"}, "--duration", "above 0");
  ExpectError({"--duration", "inf"}, "--duration", "10s");
  ExpectError({"--segments", "0"}, "--segments", "1");
  ExpectError({"--durability", "eternal"}, "--durability", "sync");
}

TEST_F(BenchArgumentsTest, WhatDoesNotGoTogetherIsRefused) {
  ExpectError({"--ramp", "1,2", "--sessions", "3"}, "--ramp", "excludes");
  ExpectError({"--ramp", "1,2", "--rate", "3"}, "--ramp", "excludes");
  ExpectError({"--rate", "1", "--rates", "3"}, "--rate", "excludes");
  ExpectError({"--segments", "1", "--duration", "3s"}, "--segments",
              "excludes");
  ExpectError({"--rpc", "process", "--in-flight", "2"}, "--in-flight",
              "expected 1 with --rpc process");
}

TEST_F(BenchArgumentsTest, TheHelpSaysWhatLatencyIs) {
  ParseArguments({"bench", "--help"}, out_, err_);
  EXPECT_THAT(out_.str(),
              AllOf(HasSubstr("mneme bench"), HasSubstr("--server"),
                    HasSubstr("latency counts"), HasSubstr("anew")));
}

}  // namespace
}  // namespace mneme::cli
