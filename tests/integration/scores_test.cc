// Log-probabilities through gRPC, whatever the messages, against one offline
// pass over the whole text.

#include <cmath>
#include <random>

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

class ScoresTest : public ::testing::TestWithParam<v1::MemoryPolicy> {};

TEST_P(ScoresTest, AreThoseOfOneOfflinePass) {
  const std::string folder = BundledGolden("rmt_gpt2");
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
  v1::Position next = PositionOf(server.Open("s", "", GetParam()));
  std::vector<float> scores;
  for (size_t begin = 0; begin < text.size();) {
    const size_t size =
        std::min<size_t>(1 + random() % 40, text.size() - begin);
    const auto part = text.begin() + static_cast<ptrdiff_t>(begin);
    v1::SegmentRequest request = RequestAt(
        "s", next, {part, part + static_cast<ptrdiff_t>(size)}, {"log_probs"});
    begin += size;
    if (begin == text.size()) {
      request.mutable_flush()->set_tail(
          static_cast<uint32_t>(text.size() % 16));
    }
    const v1::SegmentReply reply = server.Process(request);
    for (const auto& segment : reply.segments()) {
      const auto part_scores = Floats(segment.result().outputs(0).data());
      scores.insert(scores.end(), part_scores.begin(), part_scores.end());
    }
    next = reply.next();
  }
  const std::vector<double> expected =
      OfflineScores(model.get(), text, GetParam() == v1::RESET);
  ASSERT_EQ(scores.size(), text.size());
  ASSERT_EQ(expected.size(), text.size() - 1);
  EXPECT_TRUE(std::isnan(scores[0])) << "a session's first token is unscored";
  for (size_t i = 1; i < scores.size(); ++i) {
    ASSERT_NEAR(double{scores[i]}, expected[i - 1], 1e-4) << "token " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Policies, ScoresTest, ::testing::Values(v1::CARRY, v1::RESET),
    [](const ::testing::TestParamInfo<v1::MemoryPolicy>& policy) {
      return v1::MemoryPolicy_Name(policy.param);
    });

}  // namespace
}  // namespace mneme
