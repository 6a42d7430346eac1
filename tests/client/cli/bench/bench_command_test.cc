// `mneme bench` against a FakeServer. (BenchLine, BenchSession and the senders
// are tested here too.)

#include "client/cli/bench/bench_command.h"

#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/cli_fixture.h"
#include "tests/testing/eventually.h"

namespace mneme::cli {
namespace {

using ::mneme::testing::ErrorStatus;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

class BenchCommandTest : public CliTest {
 protected:
  void SetUp() override { StartServer(); }

  // With --json and no warm-up.
  int Bench(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), {"bench", "--json", "--warmup", "0s"});
    return Run(arguments);
  }
  // No session of a bench is left, and so many were erased.
  void ExpectErased(size_t sessions) {
    EXPECT_EQ(server_->session_count(), 0u);
    EXPECT_THAT(server_->erased(),
                AllOf(SizeIs(sessions), Each(StartsWith("bench-"))));
  }
  // The requests of all streams.
  std::vector<v1::SegmentRequest> Requests() const {
    std::vector<v1::SegmentRequest> requests;
    for (const auto& stream : server_->streams()) {
      requests.insert(requests.end(), stream.begin(), stream.end());
    }
    return requests;
  }
  // Messages that the server has and has not applied.
  size_t Waiting() const {
    size_t waiting = 0;
    for (const auto& stream : server_->streams()) {
      if (stream.empty()) continue;
      waiting += stream.size() - server_->StepOf(stream[0].session_id());
    }
    return waiting;
  }
};

TEST_F(BenchCommandTest, AClosedLoopKeepsAllItsSessionsBusy) {
  server_->Hold();
  std::thread user([this] {
    EXPECT_TRUE(Eventually([this] { return Waiting() == 3; }));
    server_->Release();
  });
  EXPECT_EQ(Bench({"--sessions", "3", "--segments", "60"}), 0) << err_.str();
  user.join();
  const nlohmann::json json = Json();
  EXPECT_EQ(json["segments"], 60);
  EXPECT_EQ(json["tokens"], 480);
  EXPECT_GT(json["segments_per_second"], 0);
  EXPECT_GE(json["latency_us"]["count"], 60);
  EXPECT_GT(json["latency_us"]["p50"], 0);
  EXPECT_EQ(json["server_us"]["device"]["max"], 1);
  EXPECT_EQ(json["errors"], nlohmann::json::object());
  EXPECT_EQ(json["unanswered"], 0);
  EXPECT_EQ(json["load"]["sessions"], 3);
  EXPECT_EQ(json["model"]["name"], "fake");
  EXPECT_EQ(server_->streams().size(), 3u);
  ExpectErased(3);
}

TEST_F(BenchCommandTest, AsksForTheLastArgmaxOfTokensThatNoSessionShares) {
  EXPECT_EQ(Bench({"--sessions", "3", "--segments", "9"}), 0) << err_.str();
  std::set<std::string> first;
  for (const auto& stream : server_->streams()) {
    ASSERT_FALSE(stream.empty());
    EXPECT_THAT(stream[0].outputs().names(), ElementsAre("argmax"));
    EXPECT_TRUE(stream[0].outputs().last_position_only());
    EXPECT_EQ(stream[0].tokens().ids_size(), 8);
    first.insert(stream[0].tokens().SerializeAsString());
  }
  EXPECT_THAT(first, SizeIs(3));
}

TEST_F(BenchCommandTest, ASeedSendsTheSameTokens) {
  const auto tokens = [this] {
    EXPECT_EQ(Bench({"--segments", "1", "--seed", "7"}), 0) << err_.str();
    EXPECT_EQ(Json()["settings"]["seed"], 7);
    return server_->streams().back()[0].tokens().SerializeAsString();
  };
  const std::string first = tokens();
  EXPECT_EQ(tokens(), first);
}

TEST_F(BenchCommandTest, AnOpenLoopSendsWhatIsDue) {
  EXPECT_EQ(Bench({"--rate", "2000", "--sessions", "2", "--segments", "40"}), 0)
      << err_.str();
  const nlohmann::json json = Json();
  EXPECT_EQ(json["segments"], 40);
  EXPECT_EQ(json["load"]["rate"], 2000);
  EXPECT_GE(json["client_lag_us"]["count"], 40);
  EXPECT_GE(json["latency_us"]["mean"], json["service_us"]["mean"]);
  // 40 arrivals at 2,000 a second take 20 ms, whatever the server could do.
  EXPECT_GT(json["seconds"], 0.005);
  ExpectErased(2);
}

TEST_F(BenchCommandTest, ShortSegmentsAreFlushedInOneMessageEach) {
  EXPECT_EQ(Bench({"--segment-tokens", "3", "--segments", "10"}), 0)
      << err_.str();
  EXPECT_EQ(Json()["tokens"], 30);
  for (const v1::SegmentRequest& request : Requests()) {
    EXPECT_EQ(request.tokens().ids_size(), 3);
    ASSERT_TRUE(request.has_flush());
    EXPECT_EQ(request.flush().tail(), 3u);
  }
}

TEST_F(BenchCommandTest, SegmentsInFlightAreAnsweredInOrder) {
  EXPECT_EQ(Bench({"--in-flight", "4", "--segments", "40", "--segment-tokens",
                   "8:1,5:1"}),
            0)
      << err_.str();
  EXPECT_EQ(Json()["segments"], 40);
  EXPECT_EQ(Json()["settings"]["in_flight"], 4);
  ExpectErased(1);
}

TEST_F(BenchCommandTest, ByProcessEachSegmentIsACallThatSaysWhereItGoes) {
  EXPECT_EQ(Bench({"--rpc", "process", "--sessions", "2", "--segments", "20",
                   "--segment-tokens", "8:1,5:1"}),
            0)
      << err_.str();
  EXPECT_EQ(Json()["segments"], 20);
  EXPECT_GE(server_->streams().size(), 20u);
  for (const auto& call : server_->streams()) {
    ASSERT_THAT(call, SizeIs(1));
    EXPECT_TRUE(call[0].has_at());
  }
  ExpectErased(2);
}

TEST_F(BenchCommandTest, SessionsAreReplacedAfterTheirSegments) {
  EXPECT_EQ(Bench({"--session-segments", "4", "--segments", "12"}), 0)
      << err_.str();
  EXPECT_GE(Json()["sessions_reopened"], 2);
  EXPECT_GE(server_->streams().size(), 3u);
  for (const auto& stream : server_->streams()) EXPECT_LE(stream.size(), 4u);
  // What was left was closed, only the last is erased.
  ExpectErased(1);
}

TEST_F(BenchCommandTest, ARampIsALineForEachNumberOfSessions) {
  EXPECT_EQ(Bench({"--ramp", "1,3", "--segments", "9"}), 0) << err_.str();
  const std::vector<std::string> lines = Lines();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(nlohmann::json::parse(lines[0])["load"]["sessions"], 1);
  EXPECT_EQ(nlohmann::json::parse(lines[1])["load"]["sessions"], 3);
  ExpectErased(4);
}

TEST_F(BenchCommandTest, WithoutJsonThereIsATable) {
  EXPECT_EQ(Run({"bench", "--warmup", "0s", "--segments", "5"}), 0);
  EXPECT_THAT(Lines(), ElementsAre(StartsWith("SESSIONS"), StartsWith("1 ")));
}

TEST_F(BenchCommandTest, TimeEndsALineThatNothingElseEnds) {
  EXPECT_EQ(Bench({"--duration", "50ms"}), 0) << err_.str();
  EXPECT_DOUBLE_EQ(Json()["seconds"].get<double>(), 0.05);
}

TEST_F(BenchCommandTest, AnErrorIsCountedAndItsSessionReplaced) {
  for (const char* rpc : {"stream", "process"}) {
    StartServer();
    server_->AddFault(
        {5, ErrorStatus(grpc::StatusCode::DATA_LOSS, "torn", "")});
    EXPECT_EQ(Bench({"--rpc", rpc, "--segments", "10"}), 0) << err_.str();
    EXPECT_EQ(Json()["errors"], (nlohmann::json{{"DATA_LOSS", 1}}));
    EXPECT_EQ(Json()["segments"], 9);
    EXPECT_EQ(Json()["sessions_reopened"], 1);
    EXPECT_EQ(server_->session_count(), 0u);
  }
}

TEST_F(BenchCommandTest, WhatIsTriedAgainIsCountedAndCountsOnce) {
  for (const char* rpc : {"stream", "process"}) {
    StartServer();
    server_->AddFault(
        {5, ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED, "full",
                        "QUEUE_FULL", absl::Milliseconds(1))});
    EXPECT_EQ(Bench({"--rpc", rpc, "--segments", "10"}), 0) << err_.str();
    EXPECT_EQ(Json()["retries"], 1);
    EXPECT_EQ(Json()["segments"], 10);
    EXPECT_EQ(Json()["errors"], nlohmann::json::object());
    ExpectErased(1);
  }
}

TEST_F(BenchCommandTest, IfEverythingFailsTheReasonIsTheCommands) {
  for (int message : {1, 2, 3}) {
    server_->AddFault(
        {message, ErrorStatus(grpc::StatusCode::DATA_LOSS, "torn", "")});
  }
  EXPECT_EQ(Bench({"--sessions", "3", "--segments", "3"}), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("torn"), HasSubstr("DATA_LOSS")));
  EXPECT_EQ(Json()["errors"], (nlohmann::json{{"DATA_LOSS", 3}}));
  EXPECT_EQ(server_->session_count(), 0u);
}

TEST_F(BenchCommandTest, SessionsThatCannotBeOpenedEndTheRun) {
  testing::FakeServer::Options options;
  options.max_sessions = 2;
  StartServer(options);
  EXPECT_EQ(Bench({"--ramp", "1,3,2", "--segments", "5"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("QUOTA_SESSIONS"));
  EXPECT_THAT(Lines(), SizeIs(1));  // of the first, which could
  EXPECT_EQ(server_->session_count(), 0u);
}

TEST_F(BenchCommandTest, AnInterruptPrintsWhatWasMeasuredSoFar) {
  std::thread user([this] {
    EXPECT_TRUE(Eventually([this] { return Requests().size() > 20; }));
    server_->Hold();
    EXPECT_TRUE(Eventually([this] { return Waiting() == 2; }));
    interrupted_ = true;
    EXPECT_TRUE(Eventually([this] { return server_->session_count() == 0; }));
    server_->Release();
  });
  EXPECT_EQ(Bench({"--sessions", "2", "--duration", "1h"}), 130);
  user.join();
  EXPECT_GT(Json()["segments"], 0);
  EXPECT_EQ(Json()["unanswered"], 2);
  EXPECT_EQ(Json()["latency_us"]["count"].get<int>(),
            Json()["service_us"]["count"].get<int>() + 2);
  ExpectErased(2);
}

TEST_F(BenchCommandTest, AnInterruptBeforeItMeasuresLeavesNothing) {
  interrupted_ = true;
  EXPECT_EQ(Bench({"--sessions", "2", "--segments", "5"}), 130);
  EXPECT_EQ(out_.str(), "");
  ExpectErased(2);
}

TEST_F(BenchCommandTest, WhatDoesNotFitTheModelIsNamed) {
  EXPECT_EQ(Bench({"--segment-tokens", "9", "--segments", "1"}), 1);
  EXPECT_THAT(err_.str(),
              AllOf(HasSubstr("--segment-tokens 9"), HasSubstr("at most 8")));
  EXPECT_EQ(Bench({"--outputs", "logits", "--segments", "1"}), 1);
  EXPECT_THAT(err_.str(), AllOf(HasSubstr("--outputs logits"),
                                HasSubstr("argmax, log_probs")));
  EXPECT_EQ(Bench({"--tokens", "/no/such/file", "--segments", "1"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("/no/such/file"));
  EXPECT_EQ(Bench({"--model", "other", "--segments", "1"}), 1);
  EXPECT_THAT(err_.str(), HasSubstr("other"));
  EXPECT_THAT(server_->session_metadata(), IsEmpty());
}

TEST_F(BenchCommandTest, OutputsCanBeNoneOrOfAllPositions) {
  EXPECT_EQ(Bench({"--outputs", "none", "--segments", "1"}), 0) << err_.str();
  EXPECT_THAT(Requests()[0].outputs().names(), IsEmpty());
  EXPECT_EQ(
      Bench({"--outputs", "log_probs", "--all-positions", "--segments", "1"}),
      0)
      << err_.str();
  const v1::SegmentRequest last = server_->streams().back()[0];
  EXPECT_THAT(last.outputs().names(), ElementsAre("log_probs"));
  EXPECT_FALSE(last.outputs().last_position_only());
}

}  // namespace
}  // namespace mneme::cli
