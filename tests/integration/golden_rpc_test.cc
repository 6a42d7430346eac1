// Every golden run once more, through gRPC, its rows in batches with sessions
// that have nothing to do with it.

#include <atomic>
#include <cstdio>
#include <filesystem>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "tests/integration/test_server.h"
#include "tests/parity/golden_case.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

class GoldenRpcTest : public ::testing::TestWithParam<std::string> {};

std::string Name(const std::string& folder) {
  return std::filesystem::path(folder).filename().string();
}

// A session that sends short and full segments until told to stop.
void Disturb(TestServer* server, const std::string& id,
             const std::atomic<bool>* stop) {
  std::mt19937 random(7);
  v1::Position next = PositionOf(server->Open(id));
  while (!stop->load()) {
    std::vector<int32_t> tokens(1 + random() % 12, 3);
    v1::SegmentRequest request = RequestAt(id, next, tokens, {"argmax"});
    request.mutable_flush()->set_tail(static_cast<uint32_t>(tokens.size()));
    next = server->Process(request).next();
  }
}

TEST_P(GoldenRpcTest, AgreesWithTheReferenceInMixedBatches) {
  ASSERT_OK_AND_ASSIGN(const GoldenCase golden, ReadGoldenCase(GetParam()));
  if (!golden.built || !golden.segments[0].results.contains("logits")) {
    GTEST_SKIP() << "family \"" << golden.architecture << "\" is not built yet";
  }
  Config config;
  config.device = TestDevice();
  config.precision = "float32";
  TestServer server({GetParam()}, config);
  std::atomic<bool> stop{false};
  std::vector<std::thread> others;
  for (int i = 0; i < 4; ++i) {
    others.emplace_back(Disturb, &server, "other-" + std::to_string(i), &stop);
  }
  Differences differences;
  uint32_t largest_batch = 0;
  std::vector<v1::Position> next;
  for (size_t row = 0; row < golden.rows(); ++row) {
    next.push_back(PositionOf(server.Open("row-" + std::to_string(row))));
  }
  for (const GoldenSegment& segment : golden.segments) {
    for (size_t row = 0; row < golden.rows(); ++row) {
      v1::SegmentRequest request =
          RequestAt("row-" + std::to_string(row), next[row],
                    segment.tokens[row], {"logits"});
      request.mutable_flush()->set_tail(
          static_cast<uint32_t>(segment.tokens[row].size()));
      const v1::SegmentReply reply = server.Process(request);
      ASSERT_EQ(reply.segments_size(), 1);
      const auto& applied = reply.segments(0);
      differences.Compare("logits", segment.results.at("logits"), row,
                          Floats(applied.result().outputs(0).data()));
      largest_batch = std::max(largest_batch, applied.batch_size());
      next[row] = reply.next();
    }
  }
  stop = true;
  for (std::thread& other : others) other.join();
  std::printf("largest batch: %u\n", largest_batch);
  EXPECT_GT(largest_batch, 1u);
  EXPECT_TRUE(differences.Report(Name(GetParam()) + " through gRPC"));
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(GoldenRpcTest);
INSTANTIATE_TEST_SUITE_P(
    Golden, GoldenRpcTest, ::testing::ValuesIn(GoldenFolders()),
    [](const ::testing::TestParamInfo<std::string>& folder) {
      return Name(folder.param);
    });

}  // namespace
}  // namespace mneme
