#include <cmath>
#include <cstring>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "tests/parity/golden_case.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

// gpt-nano-sort, a really trained GPT-2 with golden intermediate tensors. What
// a block returns is seen through the interface by a model cut behind it, whose
// hidden states are the final norm of that block's output.

namespace mneme {
namespace {

constexpr int64_t kWidth = 48, kVocab = 3, kPositions = 11, kLayers = 3;
constexpr double kEpsilon = 1e-5;

nlohmann::json ReadJson(const std::string& name) {
  std::ifstream in(absl::StrCat(MNEME_REAL_MODELS, "/gpt-nano-sort/", name));
  return nlohmann::json::parse(in);
}

GoldenTensor Decode(const nlohmann::json& entry) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(entry["data"].get<std::string>(), &bytes));
  return {entry["shape"].get<std::vector<int64_t>>(), Floats(bytes)};
}

// minGPT's Linear is [out, in], the reference's Conv1D [in, out].
GoldenTensor Transposed(const GoldenTensor& in) {
  const auto rows = static_cast<size_t>(in.shape[0]);
  const auto columns = static_cast<size_t>(in.shape[1]);
  GoldenTensor out = {{in.shape[1], in.shape[0]}, in.values};
  for (size_t r = 0; r < rows; ++r) {
    for (size_t c = 0; c < columns; ++c) {
      out.values[c * rows + r] = in.values[r * columns + c];
    }
  }
  return out;
}

GoldenTensor LayerNorm(const GoldenTensor& in, const GoldenTensor& weight,
                       const GoldenTensor& bias) {
  GoldenTensor out = in;
  for (size_t i = 0; i < in.values.size(); i += kWidth) {
    double mean = 0, variance = 0;
    for (size_t j = 0; j < kWidth; ++j) mean += in.values[i + j] / kWidth;
    for (size_t j = 0; j < kWidth; ++j) {
      variance += std::pow(in.values[i + j] - mean, 2) / kWidth;
    }
    for (size_t j = 0; j < kWidth; ++j) {
      out.values[i + j] = static_cast<float>(
          (in.values[i + j] - mean) / std::sqrt(variance + kEpsilon) *
              weight.values[j] +
          bias.values[j]);
    }
  }
  return out;
}

class GptNanoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    weights_ = ReadJson("gpt-nano-sort-model.json");
    partials_ = ReadJson("gpt-nano-sort-t0-partials.json");
  }

  // The model's first `layers` blocks.
  void WriteFolder(int64_t layers) {
    std::vector<HostTensor> tensors;
    for (const auto& [name, entry] : weights_.items()) {
      if (name == "config") continue;
      bool cut = false;
      for (int64_t layer = layers; layer < kLayers; ++layer) {
        cut |= absl::StrContains(name, absl::StrCat(".h.", layer, "."));
      }
      if (cut) continue;
      GoldenTensor tensor = Decode(entry);
      if (absl::StrContains(name, ".c_") && tensor.shape.size() == 2) {
        tensor = Transposed(tensor);
      }
      tensors.push_back(FloatTensor(name, tensor.shape, tensor.values));
    }
    folder_.WriteTensors(tensors);
    folder_.WriteConfig({{"architecture", "rmt"},
                         {"num_mem_tokens", 0},
                         {"segment_size", kPositions},
                         {"backbone",
                          {{"model_type", "gpt2"},
                           {"n_embd", kWidth},
                           {"n_layer", layers},
                           {"n_head", 3},
                           {"vocab_size", kVocab},
                           {"n_positions", kPositions},
                           {"tie_word_embeddings", false}}}});
  }

  // Each row's output of that name.
  std::vector<std::vector<float>> Run(const std::string& output) {
    auto model = LoadModel(folder_.path(), {});
    EXPECT_THAT(model, IsOk());
    if (!model.ok()) return {};
    const GoldenTensor ids = Decode(partials_["idx"]);
    std::vector<std::vector<int32_t>> tokens;
    for (size_t row = 0; row < static_cast<size_t>(ids.shape[0]); ++row) {
      tokens.emplace_back(ids.Row(row).begin(), ids.Row(row).end());
    }
    OutputRequest request;
    request.names = {output};
    std::vector<StepRow> rows;
    for (const auto& row : tokens) {
      rows.push_back({.tokens = row,
                      .extra_inputs = {},
                      .memory = (*model)->InitialMemory(),
                      .fresh = true,
                      .request = &request});
    }
    auto results = (*model)->Step(rows);
    EXPECT_THAT(results, IsOk());
    std::vector<std::vector<float>> values;
    if (!results.ok()) return values;
    for (const StepResult& result : *results) {
      values.push_back(Floats(result.outputs[0].data));
    }
    return values;
  }

  void Compare(const std::string& name, const GoldenTensor& reference,
               const std::vector<std::vector<float>>& ours) {
    ASSERT_EQ(static_cast<int64_t>(ours.size()), reference.shape[0]);
    for (size_t row = 0; row < ours.size(); ++row) {
      differences_.Compare(name, reference, row, ours[row]);
    }
  }

  TestFolder folder_;
  nlohmann::json weights_, partials_;
  Differences differences_;
};

TEST_F(GptNanoTest, EveryBlockAgrees) {
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    WriteFolder(layer + 1);
    const std::string block = absl::StrCat("block", layer);
    Compare(block,
            LayerNorm(Decode(partials_[block]),
                      Decode(weights_["transformer.ln_f.weight"]),
                      Decode(weights_["transformer.ln_f.bias"])),
            Run("hidden_states"));
  }
  EXPECT_TRUE(differences_.Report("gpt-nano-sort"));
}

TEST_F(GptNanoTest, FinalNormAndHeadAgree) {
  WriteFolder(kLayers);
  Compare("ln_f", Decode(partials_["ln_f"]), Run("hidden_states"));
  Compare("lm_head", Decode(partials_["lm_head"]), Run("logits"));
  EXPECT_TRUE(differences_.Report("gpt-nano-sort"));
}

}  // namespace
}  // namespace mneme
