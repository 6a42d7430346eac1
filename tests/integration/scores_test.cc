// Log-probabilities through gRPC, whatever the messages, against one offline
// pass over the whole text.

#include <cmath>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "gmock/gmock.h"
#include "model/load_model.h"
#include "tests/integration/test_server.h"
#include "tests/parity/golden_case.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

// log P(token) from one row of logits.
double LogProb(absl::Span<const float> logits, int32_t token) {
  double sum = 0;
  for (const float logit : logits) sum += std::exp(double{logit});
  return double{logits[static_cast<size_t>(token)]} - std::log(sum);
}

// Scores each token but the first from the full logits of a model in this
// process, segment after segment.
std::vector<double> OfflineScores(SequenceModel* model,
                                  const std::vector<int32_t>& text,
                                  bool reset) {
  const auto size = static_cast<size_t>(model->spec().segment_size);
  const auto vocab = static_cast<size_t>(model->spec().vocab_size);
  const OutputRequest request = {.names = {"logits"}};
  std::vector<float> logits;
  MemoryRef memory = model->InitialMemory();
  for (size_t begin = 0; begin < text.size(); begin += size) {
    StepRow row;
    row.tokens = absl::MakeConstSpan(text).subspan(begin, size);
    row.memory = memory;
    row.fresh = begin == 0;
    row.reset_memory = reset;
    row.request = &request;
    auto results = model->Step({row});
    if (!results.ok()) return {};
    memory = (*results)[0].memory;
    const auto part = Floats((*results)[0].outputs[0].data);
    logits.insert(logits.end(), part.begin(), part.end());
  }
  std::vector<double> scores;
  for (size_t i = 1; i < text.size(); ++i) {
    scores.push_back(LogProb(
        absl::MakeConstSpan(logits).subspan((i - 1) * vocab, vocab), text[i]));
  }
  return scores;
}

// The scores in a reply, in order.
void AppendScores(const v1::SegmentReply& reply, std::vector<float>* scores) {
  for (const auto& segment : reply.segments()) {
    const auto part = Floats(segment.result().outputs(0).data());
    scores->insert(scores->end(), part.begin(), part.end());
  }
}

// The text in messages of seeded sizes; the last one flushes.
std::vector<v1::SegmentRequest> Messages(const std::vector<int32_t>& text,
                                         int64_t segment_size) {
  std::mt19937 random(6);
  std::vector<v1::SegmentRequest> messages;
  for (size_t begin = 0; begin < text.size();) {
    const size_t size =
        std::min<size_t>(1 + random() % 40, text.size() - begin);
    const auto part = text.begin() + static_cast<ptrdiff_t>(begin);
    messages.push_back(RequestAt(
        "s", {}, {part, part + static_cast<ptrdiff_t>(size)}, {"log_probs"}));
    messages.back().clear_at();
    begin += size;
  }
  messages.back().mutable_flush()->set_tail(
      static_cast<uint32_t>(text.size() % static_cast<size_t>(segment_size)));
  return messages;
}

std::vector<float> ScoresByProcess(TestServer& server, v1::Position at,
                                   std::vector<v1::SegmentRequest> messages) {
  std::vector<float> scores;
  for (v1::SegmentRequest& message : messages) {
    *message.mutable_at() = at;
    const v1::SegmentReply reply = server.Process(message);
    AppendScores(reply, &scores);
    at = reply.next();
  }
  return scores;
}

std::vector<float> ScoresByStream(TestServer& server, const v1::Position& at,
                                  std::vector<v1::SegmentRequest> messages) {
  std::vector<float> scores;
  grpc::ClientContext context;
  const auto stream = server.segments().Stream(&context);
  *messages.front().mutable_at() = at;
  v1::SegmentReply reply;
  for (const v1::SegmentRequest& message : messages) {
    EXPECT_TRUE(stream->Write(message));
    EXPECT_TRUE(stream->Read(&reply));
    AppendScores(reply, &scores);
  }
  EXPECT_TRUE(stream->WritesDone());
  EXPECT_TRUE(stream->Finish().ok());
  return scores;
}

// The backbone's golden, the policy, and whether the messages go by one Stream
// rather than each by Process.
class ScoresTest : public ::testing::TestWithParam<
                       std::tuple<std::string, v1::MemoryPolicy, bool>> {};

TEST_P(ScoresTest, AreThoseOfOneOfflinePass) {
  const auto& [golden, policy, by_stream] = GetParam();
  const std::string folder = BundledGolden(golden);
  ASSERT_OK_AND_ASSIGN(
      const auto model,
      LoadModel(folder, {.device = TestDevice(), .precision = "float32"}));
  std::mt19937 random(5);
  std::vector<int32_t> text(200);
  for (int32_t& token : text) token = static_cast<int32_t>(random() % 61);

  Config config;
  config.device = TestDevice();
  config.precision = "float32";
  TestServer server({folder}, config);
  const v1::Position at = PositionOf(server.Open("s", "", policy));
  const auto messages = Messages(text, model->spec().segment_size);
  const std::vector<float> scores = by_stream
                                        ? ScoresByStream(server, at, messages)
                                        : ScoresByProcess(server, at, messages);
  const std::vector<double> expected =
      OfflineScores(model.get(), text, policy == v1::RESET);
  ASSERT_EQ(scores.size(), text.size());
  ASSERT_EQ(expected.size(), text.size() - 1);
  EXPECT_TRUE(std::isnan(scores[0])) << "a session's first token is unscored";
  for (size_t i = 1; i < scores.size(); ++i) {
    ASSERT_NEAR(double{scores[i]}, expected[i - 1], 1e-4) << "token " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Backbones, ScoresTest,
    ::testing::Combine(::testing::Values("rmt_gpt2", "rmt_llama",
                                         "rmt_gpt_neox"),
                       ::testing::Values(v1::CARRY, v1::RESET),
                       ::testing::Bool()),
    [](const auto& param) {
      return std::get<0>(param.param) + "_" +
             v1::MemoryPolicy_Name(std::get<1>(param.param)) +
             (std::get<2>(param.param) ? "_Stream" : "_Process");
    });

}  // namespace
}  // namespace mneme
