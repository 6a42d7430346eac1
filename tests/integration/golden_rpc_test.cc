// Every golden run once more, through gRPC: its rows side by side, in batches
// with each other and with sessions that have nothing to do with it.

#include <algorithm>
#include <barrier>
#include <cstdio>
#include <mutex>
#include <random>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/test_server.h"
#include "tests/parity/golden_case.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

constexpr int kStrangers = 4;
// What shares a batch is up to the scheduler, so a run in which nothing did is
// made again, at most so often.
constexpr int kMaxRuns = 50;

v1::SegmentRequest WholeSegment(const std::string& id, const v1::Position& at,
                                const std::vector<int32_t>& tokens,
                                const std::string& output) {
  v1::SegmentRequest request = RequestAt(id, at, tokens, {output});
  request.mutable_flush()->set_tail(static_cast<uint32_t>(tokens.size()));
  return request;
}

// A session that sends short and full segments until told to stop.
void Disturb(const std::stop_token& stop, TestServer* server,
             const std::string& id) {
  std::mt19937 random(7);
  v1::Position next = PositionOf(server->Open(id));
  while (!stop.stop_requested()) {
    const std::vector<int32_t> tokens(1 + random() % 12, 3);
    next = server->Process(WholeSegment(id, next, tokens, "argmax")).next();
  }
}

// A golden case against a server, each row a session with a thread of its own.
class GoldenRows {
 public:
  GoldenRows(TestServer* server, const GoldenCase* golden)
      : server_(server), golden_(golden) {}

  // Runs the case once, in new sessions.
  void Run(const std::string& name) {
    std::barrier together(static_cast<std::ptrdiff_t>(golden_->rows()));
    std::vector<std::jthread> threads;  // joined at the end of this scope
    for (size_t row = 0; row < golden_->rows(); ++row) {
      threads.emplace_back(
          [this, row, &together, id = name + "-row-" + std::to_string(row)] {
            v1::Position next = PositionOf(server_->Open(id));
            for (const GoldenSegment& segment : golden_->segments) {
              together.arrive_and_wait();  // each segment's rows leave together
              next = Send(segment, row, id, next);
            }
          });
    }
  }

  uint32_t largest_batch() const { return largest_batch_; }
  const Differences& differences() const { return differences_; }

 private:
  // Any thread. Returns where the row goes on; never gives up, for the other
  // rows wait for this one.
  v1::Position Send(const GoldenSegment& segment, size_t row,
                    const std::string& id, const v1::Position& at) {
    const v1::SegmentReply reply =
        server_->Process(WholeSegment(id, at, segment.tokens[row], "logits"));
    EXPECT_EQ(reply.segments_size(), 1) << id;
    if (reply.segments_size() != 1) return reply.next();
    const auto& applied = reply.segments(0);
    EXPECT_EQ(applied.result().outputs_size(), 1) << id;
    if (applied.result().outputs_size() != 1) return reply.next();
    const std::lock_guard lock(mutex_);
    differences_.Compare("logits", segment.results.at("logits"), row,
                         Floats(applied.result().outputs(0).data()));
    largest_batch_ = std::max(largest_batch_, applied.batch_size());
    return reply.next();
  }

  TestServer* const server_;
  const GoldenCase* const golden_;
  std::mutex mutex_;  // of what follows, while Run() runs
  Differences differences_;
  uint32_t largest_batch_ = 0;
};

class GoldenRpcTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GoldenRpcTest, AgreesWithTheReferenceInMixedBatches) {
  ASSERT_OK_AND_ASSIGN(const GoldenCase golden, ReadGoldenCase(GetParam()));
  if (!golden.built || !golden.segments[0].results.contains("logits")) {
    GTEST_SKIP() << "family \"" << golden.architecture << "\" is not built yet";
  }
  Config config;
  config.device = TestDevice();
  config.precision = "float32";
  TestServer server({GetParam()}, config);
  GoldenRows rows(&server, &golden);
  {
    std::vector<std::jthread> strangers;  // told to stop and joined in any case
    for (int i = 0; i < kStrangers; ++i) {
      strangers.emplace_back(Disturb, &server, "stranger-" + std::to_string(i));
    }
    for (int run = 0; run < kMaxRuns && rows.largest_batch() < 2; ++run) {
      rows.Run("run-" + std::to_string(run));
    }
  }
  std::printf("largest batch: %u\n", rows.largest_batch());
  EXPECT_GT(rows.largest_batch(), 1u);
  EXPECT_TRUE(rows.differences().Report(GoldenTestName({GetParam(), 0}) +
                                        " through gRPC"));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenRpcTest);
INSTANTIATE_TEST_SUITE_P(Golden, GoldenRpcTest,
                         ::testing::ValuesIn(GoldenFolders()), GoldenTestName);

}  // namespace
}  // namespace mneme
