#include <cmath>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "tests/parity/golden_case.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

// stories260K, a really trained Llama: its llama2.c file is converted to a
// model folder as Hugging Face would write it.

namespace mneme {
namespace {

constexpr int64_t kDim = 64, kHidden = 172, kLayers = 5, kHeads = 8;
constexpr int64_t kKvHeads = 4, kVocab = 512, kPositions = 512;
constexpr int64_t kHeadDim = kDim / kHeads;

std::string Slurp(const std::string& name) {
  std::ostringstream bytes;
  bytes << std::ifstream(absl::StrCat(MNEME_REAL_MODELS, "/", name),
                         std::ios::binary)
               .rdbuf();
  return bytes.str();
}

// Reads consecutive float tensors behind the 7-int header.
class FloatReader {
 public:
  explicit FloatReader(std::string bytes) : bytes_(std::move(bytes)) {}

  std::vector<float> Take(int64_t count) {
    std::vector<float> values(static_cast<size_t>(count));
    std::memcpy(values.data(), bytes_.data() + offset_,
                values.size() * sizeof(float));
    offset_ += values.size() * sizeof(float);
    return values;
  }

 private:
  std::string bytes_;
  size_t offset_ = 7 * sizeof(int32_t);
};

// llama2.c rotates adjacent pairs, Hugging Face the two halves of a head: row
// 2 i + j of a head becomes its row j * dh / 2 + i.
std::vector<float> Permuted(const std::vector<float>& weight, int64_t heads) {
  std::vector<float> out(weight.size());
  for (int64_t h = 0; h < heads; ++h) {
    for (int64_t r = 0; r < kHeadDim; ++r) {
      const int64_t to = h * kHeadDim + (r % 2) * (kHeadDim / 2) + r / 2;
      std::memcpy(out.data() + to * kDim,
                  weight.data() + (h * kHeadDim + r) * kDim,
                  kDim * sizeof(float));
    }
  }
  return out;
}

// One tensor a layer, in llama2.c's order.
void AddLayers(FloatReader& in, const std::string& suffix,
               std::vector<int64_t> shape, int64_t permuted_heads,
               std::vector<HostTensor>* out) {
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    std::vector<float> values = in.Take(NumElements(shape));
    if (permuted_heads > 0) values = Permuted(values, permuted_heads);
    out->push_back(FloatTensor(
        absl::StrCat("model.layers.", layer, ".", suffix, ".weight"), shape,
        values));
  }
}

std::vector<HostTensor> Converted() {
  FloatReader in(Slurp("stories260K/stories260K.bin"));
  constexpr int64_t kKv = kKvHeads * kHeadDim;
  std::vector<HostTensor> out;
  out.push_back(FloatTensor("model.embed_tokens.weight", {kVocab, kDim},
                            in.Take(kVocab * kDim)));
  AddLayers(in, "input_layernorm", {kDim}, 0, &out);
  AddLayers(in, "self_attn.q_proj", {kDim, kDim}, kHeads, &out);
  AddLayers(in, "self_attn.k_proj", {kKv, kDim}, kKvHeads, &out);
  AddLayers(in, "self_attn.v_proj", {kKv, kDim}, 0, &out);
  AddLayers(in, "self_attn.o_proj", {kDim, kDim}, 0, &out);
  AddLayers(in, "post_attention_layernorm", {kDim}, 0, &out);
  AddLayers(in, "mlp.gate_proj", {kHidden, kDim}, 0, &out);
  AddLayers(in, "mlp.down_proj", {kDim, kHidden}, 0, &out);
  AddLayers(in, "mlp.up_proj", {kHidden, kDim}, 0, &out);
  out.push_back(FloatTensor("model.norm.weight", {kDim}, in.Take(kDim)));
  return out;
}

std::vector<int32_t> Int32s(const HostTensor& tensor) {
  std::vector<int32_t> values(tensor.data.size() / sizeof(int32_t));
  if (!values.empty()) {
    std::memcpy(values.data(), tensor.data.data(), tensor.data.size());
  }
  return values;
}

// `start`, continued as `whole` continues.
std::vector<int32_t> Prefixed(std::vector<int32_t> start,
                              const std::vector<int32_t>& whole) {
  start.insert(start.end(),
               whole.begin() + static_cast<ptrdiff_t>(start.size()),
               whole.end());
  return start;
}

class StoriesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    golden_ =
        nlohmann::json::parse(Slurp("stories260K/stories260K_golden.json"));
    ids_ = golden_["ids"].get<std::vector<int32_t>>();
    folder_.WriteTensors(Converted());
    folder_.WriteConfig({{"architecture", "rmt"},
                         {"num_mem_tokens", 0},
                         {"segment_size", 512},
                         {"backbone",
                          {{"model_type", "llama"},
                           {"hidden_size", kDim},
                           {"intermediate_size", kHidden},
                           {"num_hidden_layers", kLayers},
                           {"num_attention_heads", kHeads},
                           {"num_key_value_heads", kKvHeads},
                           {"vocab_size", kVocab},
                           {"max_position_embeddings", kPositions},
                           {"rms_norm_eps", 1e-5},
                           {"rope_theta", 10000.0},
                           {"rope_scaling", nullptr},
                           {"tie_word_embeddings", true}}}});
    ASSERT_OK_AND_ASSIGN(model_, LoadModel(folder_.path(), {}));
  }

  std::vector<HostTensor> Run(const OutputRequest& request, size_t length) {
    StepRow row;
    row.tokens = absl::MakeConstSpan(ids_).subspan(0, length);
    row.memory = model_->InitialMemory();
    row.fresh = true;
    row.request = &request;
    auto results = model_->Step({&row, 1});
    EXPECT_THAT(results, IsOk());
    return results.ok() ? results->front().outputs : std::vector<HostTensor>();
  }

  TestFolder folder_;
  nlohmann::json golden_;
  std::vector<int32_t> ids_;
  std::unique_ptr<SequenceModel> model_;
};

TEST_F(StoriesTest, BeginsTheStoryGreedily) {
  OutputRequest request;
  request.names = {"argmax"};
  request.last_position_only = true;
  // Each id from those before it, without the golden's help: what was made is
  // what is fed.
  ids_.resize(1);
  while (ids_.size() < 40) {
    const auto outputs = Run(request, ids_.size());
    ASSERT_EQ(outputs.size(), 1u);
    ids_.push_back(Int32s(outputs[0])[0]);
  }
  const auto expected = golden_["ids"].get<std::vector<int32_t>>();
  EXPECT_THAT(expected, ::testing::ContainerEq(Prefixed(ids_, expected)));
}

TEST_F(StoriesTest, EveryGreedyIdAgrees) {
  OutputRequest request;
  request.names = {"argmax"};
  const auto outputs = Run(request, ids_.size() - 1);
  ASSERT_EQ(outputs.size(), 1u);
  EXPECT_EQ(Int32s(outputs[0]),
            std::vector<int32_t>(ids_.begin() + 1, ids_.end()));
}

TEST_F(StoriesTest, LogitsAgree) {
  OutputRequest request;
  request.names = {"logits"};
  const auto outputs = Run(request, ids_.size());
  ASSERT_EQ(outputs.size(), 1u);
  const std::vector<float> logits = Floats(outputs[0].data);
  Differences differences;
  for (const auto& [key, values] : golden_["logits_at_position"].items()) {
    size_t position = 0;
    ASSERT_TRUE(absl::SimpleAtoi(key, &position));
    const auto reference = values.get<std::vector<float>>();
    differences.Compare(
        "logits", {{1, static_cast<int64_t>(reference.size())}, reference}, 0,
        absl::MakeConstSpan(logits).subspan(position * kVocab,
                                            reference.size()));
  }
  EXPECT_TRUE(differences.Report("stories260K"));
}

TEST_F(StoriesTest, LogProbabilitiesAgree) {
  OutputRequest request;
  request.names = {"log_probs"};
  const auto outputs = Run(request, ids_.size());
  ASSERT_EQ(outputs.size(), 1u);
  const std::vector<float> log_probs = Floats(outputs[0].data);
  EXPECT_TRUE(std::isnan(log_probs[0]));
  double nll = 0;
  for (size_t i = 1; i < log_probs.size(); ++i) nll -= log_probs[i];
  EXPECT_NEAR(nll / static_cast<double>(log_probs.size() - 1),
              golden_["mean_nll_of_greedy_tokens"].get<double>(), 1e-5);
}

}  // namespace
}  // namespace mneme
