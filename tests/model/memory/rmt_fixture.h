#ifndef MNEME_TESTS_MODEL_MEMORY_RMT_FIXTURE_H_
#define MNEME_TESTS_MODEL_MEMORY_RMT_FIXTURE_H_

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "tests/parity/golden_case.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

// The golden RMT over GPT-2, for tests of what it makes of a stream.

namespace mneme {

using Tokens = std::vector<int32_t>;

inline constexpr int64_t kVocab = 61;
inline constexpr size_t kSegment = 16;
inline constexpr float kTolerance = 2e-5f;

// float32 on the device under test.
inline ModelOptions TestOptions() {
  ModelOptions options;
  options.device = TestDevice();
  options.precision = "float32";
  return options;
}

inline Tokens SomeTokens(size_t count, uint32_t seed) {
  Tokens tokens;
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525 + 1013904223;
    tokens.push_back(static_cast<int32_t>((seed >> 16) % kVocab));
  }
  return tokens;
}

inline std::vector<int32_t> Ints(const HostTensor& tensor) {
  std::vector<int32_t> values(tensor.data.size() / sizeof(int32_t));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  }
  return values;
}

// One session's results over a stream.
struct Streamed {
  std::vector<float> log_probs, logits, hidden;
  std::vector<int32_t> argmax;
  MemoryRef memory;
};

class RmtTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(model_,
                         LoadModel(BundledGolden("rmt_gpt2"), TestOptions()));
  }

  StepResult StepOne(const StepRow& row) {
    auto results = model_->Step({&row, 1});
    EXPECT_THAT(results, IsOk());
    return results.ok() ? results->front() : StepResult();
  }

  // Streams `tokens` in segments, from the initial memory.
  Streamed Stream(const Tokens& tokens, bool reset = false) {
    OutputRequest request;
    request.names = {"log_probs", "logits", "argmax", "hidden_states"};
    Streamed out;
    out.memory = model_->InitialMemory();
    for (size_t i = 0; i < tokens.size(); i += kSegment) {
      StepRow row;
      row.tokens = absl::MakeConstSpan(tokens).subspan(i, kSegment);
      row.memory = out.memory;
      row.fresh = i == 0;
      row.reset_memory = reset;
      row.request = &request;
      const StepResult result = StepOne(row);
      Append(Floats(result.outputs[0].data), &out.log_probs);
      Append(Floats(result.outputs[1].data), &out.logits);
      Append(Ints(result.outputs[2]), &out.argmax);
      Append(Floats(result.outputs[3].data), &out.hidden);
      out.memory = result.memory;
    }
    return out;
  }

  template <typename T>
  static void Append(const std::vector<T>& more, std::vector<T>* all) {
    all->insert(all->end(), more.begin(), more.end());
  }

  std::string Bytes(const MemoryRef& memory) {
    auto saved = model_->Save({&memory, 1});
    EXPECT_THAT(saved, IsOk());
    return saved.ok() ? saved->front() : "";
  }

  std::unique_ptr<SequenceModel> model_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_MODEL_MEMORY_RMT_FIXTURE_H_
