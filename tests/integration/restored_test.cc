// A memory that was spilled and restored is the memory that was: from then on
// every output has the same bits, in the same batch shape.

#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "tests/integration/test_server.h"
#include "tests/parity/golden_case.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

class RestoredTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string folder = BundledGolden("rmt_gpt2");
    ASSERT_OK_AND_ASSIGN(golden_, ReadGoldenCase(folder));
    config_.device = TestDevice();
    config_.precision = "float32";
    config_.prefix_index = 0;  // each session computes
    folders_ = {folder};
  }

  // The outputs of session "a", segment after segment; after each of its
  // segments another session uses its memory too.
  std::vector<std::string> Run(int64_t device_bytes, int64_t host_bytes,
                               const std::string& restored_from) {
    config_.device_memory_bytes = device_bytes;
    config_.host_memory_bytes = host_bytes;
    TestServer server(folders_, config_);
    std::map<std::string, v1::Position> next;
    for (const char* id : {"a", "b"}) next[id] = PositionOf(server.Open(id));
    std::vector<std::string> outputs;
    for (const GoldenSegment& segment : golden_.segments) {
      for (auto& [id, at] : next) {
        const std::vector<int32_t>& tokens = segment.tokens[0];
        v1::SegmentRequest request =
            RequestAt(id, at, tokens, {"logits", "hidden_states"});
        request.mutable_flush()->set_tail(static_cast<uint32_t>(tokens.size()));
        const v1::SegmentReply reply = server.Process(request);
        EXPECT_EQ(reply.segments(0).batch_size(), 1u);
        at = reply.next();
        if (id != "a") continue;
        for (const v1::Tensor& tensor : reply.segments(0).result().outputs()) {
          outputs.push_back(tensor.data());
        }
      }
    }
    // Each segment but the first of each session began with such a memory.
    server.AwaitMetric("mneme_memory_used_total",
                       2.0 * static_cast<double>(golden_.segments.size() - 1),
                       restored_from);
    return outputs;
  }

  GoldenCase golden_;
  Config config_;
  std::vector<std::string> folders_;
};

TEST_F(RestoredTest, TheNextStepsHaveTheSameBits) {
  constexpr int64_t kPlenty = int64_t{1} << 30;
  const std::vector<std::string> live = Run(kPlenty, kPlenty, "device");
  ASSERT_EQ(live.size(), 2 * golden_.segments.size());
  // One session's memory at a time is live: the other's goes.
  EXPECT_TRUE(Run(0, kPlenty, "host") == live);
  EXPECT_TRUE(Run(0, 0, "store") == live);
}

}  // namespace
}  // namespace mneme
