#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "tests/parity/golden_case.h"
#include "tests/testing/status_matchers.h"

// The model that ships, on text that ships: what it is worth with memory and
// without, against an implementation that shares no code with this one.

namespace mneme {
namespace {

constexpr size_t kBytes = 4096;
// Printed by: .venv/bin/python tests/parity/zoo_reference.py
constexpr double kWithMemory = 2.112883;
constexpr double kReset = 2.259172;
constexpr double kTolerance = 1e-3;

std::vector<int32_t> TextTokens() {
  std::ifstream in(
      std::string(MNEME_SOURCE_DIR) + "/deploy/demo_data/war_and_peace.txt",
      std::ios::binary);
  std::vector<int32_t> tokens;
  for (auto it = std::istreambuf_iterator<char>(in);
       it != std::istreambuf_iterator<char>() && tokens.size() < kBytes; ++it) {
    tokens.push_back(static_cast<uint8_t>(*it));
  }
  return tokens;
}

class ZooTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(
        model_, LoadModel(std::string(MNEME_SOURCE_DIR) + "/model/zoo/wiki-rmt",
                          {.device = TestDevice(), .precision = "float32"}));
    tokens_ = TextTokens();
    ASSERT_EQ(tokens_.size(), kBytes);
  }

  // -sum log2 P of one segment's scored tokens; `memory` moves on.
  double StepBits(size_t begin, bool reset, MemoryRef* memory) {
    OutputRequest request;
    request.names = {"log_probs"};
    StepRow row;
    row.tokens = absl::MakeConstSpan(tokens_).subspan(
        begin, static_cast<size_t>(model_->spec().segment_size));
    row.memory = *memory;
    row.fresh = begin == 0;
    row.reset_memory = reset;
    row.request = &request;
    const auto results = model_->Step({&row, 1});
    EXPECT_THAT(results, IsOk());
    if (!results.ok()) return NAN;
    *memory = results->front().memory;
    double bits = 0;
    for (const float value : Floats(results->front().outputs[0].data)) {
      // The session's first token is unscored.
      if (!std::isnan(value)) bits -= static_cast<double>(value) / std::log(2);
    }
    return bits;
  }

  double BitsPerByte(bool reset) {
    MemoryRef memory = model_->InitialMemory();
    double bits = 0;
    for (size_t begin = 0; begin < tokens_.size();
         begin += static_cast<size_t>(model_->spec().segment_size)) {
      bits += StepBits(begin, reset, &memory);
    }
    return bits / static_cast<double>(tokens_.size() - 1);
  }

  std::unique_ptr<SequenceModel> model_;
  std::vector<int32_t> tokens_;
};

TEST_F(ZooTest, BitsPerByteAreTheReferences) {
  const double with_memory = BitsPerByte(/*reset=*/false);
  const double reset = BitsPerByte(/*reset=*/true);
  std::printf("wiki-rmt: %.6f bits per byte, reset %.6f\n", with_memory, reset);
  EXPECT_NEAR(with_memory, kWithMemory, kTolerance);
  EXPECT_NEAR(reset, kReset, kTolerance);
}

}  // namespace
}  // namespace mneme
