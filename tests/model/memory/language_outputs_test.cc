#include "model/memory/language_outputs.h"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/model/memory/rmt_fixture.h"

// The outputs of language models, as a whole model makes them.

namespace mneme {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

using LanguageOutputsTest = RmtTest;

// log P(tokens[i]) from the logits of the position before it.
std::vector<float> ScoresFrom(const std::vector<float>& logits,
                              const Tokens& tokens) {
  std::vector<float> scores;
  for (size_t i = 1; i < tokens.size(); ++i) {
    const float* row = logits.data() + (i - 1) * kVocab;
    double sum = 0;
    for (int64_t v = 0; v < kVocab; ++v) {
      sum += std::exp(static_cast<double>(row[v]));
    }
    scores.push_back(static_cast<float>(static_cast<double>(row[tokens[i]]) -
                                        std::log(sum)));
  }
  return scores;
}

TEST_F(LanguageOutputsTest, ScoresCrossTheSegmentBoundary) {
  const Tokens tokens = SomeTokens(3 * kSegment + 5, 1);
  const Streamed out = Stream(tokens);
  ASSERT_EQ(out.log_probs.size(), tokens.size());
  EXPECT_TRUE(std::isnan(out.log_probs[0]));
  EXPECT_THAT(
      std::vector<float>(out.log_probs.begin() + 1, out.log_probs.end()),
      Pointwise(FloatNear(kTolerance), ScoresFrom(out.logits, tokens)));
}

TEST_F(LanguageOutputsTest, ResetKeepsTheLastHiddenStateForTheScore) {
  const Tokens tokens = SomeTokens(2 * kSegment, 2);
  const Streamed reset = Stream(tokens, /*reset=*/true);
  EXPECT_THAT(
      std::vector<float>(reset.log_probs.begin() + 1, reset.log_probs.end()),
      Pointwise(FloatNear(kTolerance), ScoresFrom(reset.logits, tokens)));
  // The second segment sees nothing of the first.
  const Streamed alone =
      Stream(Tokens(tokens.begin() + kSegment, tokens.end()));
  const std::vector<float> second(reset.logits.begin() + kSegment * kVocab,
                                  reset.logits.end());
  EXPECT_THAT(second, Pointwise(FloatNear(kTolerance), alone.logits));
  EXPECT_NE(Stream(tokens).logits, reset.logits);
}

TEST_F(LanguageOutputsTest, ArgmaxAndTopKAreTheLogitsBest) {
  const Tokens tokens = SomeTokens(9, 3);
  OutputRequest request;
  request.names = {"top_k_log_probs", "logits", "top_k", "argmax"};
  request.top_k = 5;
  StepRow row;
  row.tokens = tokens;
  row.memory = model_->InitialMemory();
  row.fresh = true;
  row.request = &request;
  const StepResult result = StepOne(row);
  const std::vector<float> log_probs = Floats(result.outputs[0].data);
  const std::vector<float> logits = Floats(result.outputs[1].data);
  const std::vector<int32_t> ids = Ints(result.outputs[2]);
  const std::vector<int32_t> argmax = Ints(result.outputs[3]);
  EXPECT_EQ(result.outputs[2].shape, std::vector<int64_t>({9, 5}));
  for (size_t t = 0; t < tokens.size(); ++t) {
    std::vector<float> sorted(
        logits.begin() + static_cast<ptrdiff_t>(t) * kVocab,
        logits.begin() + static_cast<ptrdiff_t>(t + 1) * kVocab);
    const std::vector<float> unsorted = sorted;
    std::sort(sorted.rbegin(), sorted.rend());
    double norm = 0;
    for (const float logit : sorted) {
      norm += std::exp(static_cast<double>(logit));
    }
    EXPECT_EQ(argmax[t], ids[t * 5]);
    for (size_t k = 0; k < 5; ++k) {
      EXPECT_EQ(unsorted[static_cast<size_t>(ids[t * 5 + k])], sorted[k]);
      EXPECT_NEAR(log_probs[t * 5 + k],
                  static_cast<double>(sorted[k]) - std::log(norm), 2e-5);
    }
  }
}

TEST_F(LanguageOutputsTest, LastPositionOnlyIsTheLastOfAll) {
  const Tokens tokens = SomeTokens(kSegment + 1, 4);
  const Streamed all = Stream(tokens);
  OutputRequest request;
  request.names = {"log_probs", "logits", "argmax", "hidden_states"};
  request.last_position_only = true;
  MemoryRef memory = model_->InitialMemory();
  for (const auto& [begin, size] : {std::pair<size_t, size_t>(0, kSegment),
                                    std::pair<size_t, size_t>(kSegment, 1)}) {
    StepRow row;
    row.tokens = absl::MakeConstSpan(tokens).subspan(begin, size);
    row.memory = memory;
    row.fresh = begin == 0;
    row.request = &request;
    const StepResult result = StepOne(row);
    memory = result.memory;
    const size_t last = begin + size - 1;
    EXPECT_NEAR(Floats(result.outputs[0].data)[0], all.log_probs[last], 2e-5);
    EXPECT_EQ(result.outputs[1].shape, std::vector<int64_t>({1, kVocab}));
    EXPECT_THAT(Floats(result.outputs[1].data),
                Pointwise(FloatNear(kTolerance),
                          std::vector<float>(
                              all.logits.begin() +
                                  static_cast<ptrdiff_t>(last) * kVocab,
                              all.logits.begin() +
                                  static_cast<ptrdiff_t>(last + 1) * kVocab)));
    EXPECT_EQ(Ints(result.outputs[2])[0], all.argmax[last]);
    EXPECT_EQ(Floats(result.outputs[3].data).size(), 32u);
  }
}

TEST_F(LanguageOutputsTest, TheOnlyTokenOfASessionIsUnscored) {
  const Tokens tokens = {7};
  OutputRequest request;
  request.names = {"log_probs"};
  for (const bool last : {false, true}) {
    request.last_position_only = last;
    StepRow row;
    row.tokens = tokens;
    row.memory = model_->InitialMemory();
    row.fresh = true;
    row.request = &request;
    EXPECT_TRUE(std::isnan(Floats(StepOne(row).outputs[0].data)[0]));
  }
}

}  // namespace
}  // namespace mneme
