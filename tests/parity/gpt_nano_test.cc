#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros_like.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/backbone/activation.h"
#include "model/backbone/attention.h"
#include "model/backbone/make_backbone.h"
#include "model/checkpoint/torch_tensor.h"
#include "model/load_model.h"
#include "tests/parity/golden_case.h"
#include "tests/parity/test_folder.h"
#include "tests/testing/status_matchers.h"

// gpt-nano-sort, a really trained GPT-2 with golden intermediate tensors of its
// first block, of the end of every block and of the head. A backbone shows only
// what is behind its final norm, so what is inside is seen by a backbone that
// is cut, by projections to the residual stream that are zero, and by a final
// norm with the weights of another one.
// Not seen by themselves: qkv, q, k, v, att (the scores before the softmax),
// fc, yProj and mlp, which never leave a block. What is made of them is: y and
// attSm of q, k and v, gelu of fc, attnResid of yProj, mlpResid of mlp.

namespace mneme {
namespace {

constexpr int64_t kRows = 3, kPositions = 11, kWidth = 48, kHeads = 3;
constexpr int64_t kVocab = 3, kLayers = 3;
constexpr double kEpsilon = 1e-5;
constexpr double kTolerance = 1e-4;

constexpr char kFinalNorm[] = "transformer.ln_f";
constexpr char kAttentionOut[] = "transformer.h.0.attn.c_proj";
constexpr char kFeedForwardOut[] = "transformer.h.0.mlp.c_proj";

nlohmann::json ReadJson(const std::string& name) {
  std::ifstream in(absl::StrCat(MNEME_REAL_MODELS, "/gpt-nano-sort/", name));
  return nlohmann::json::parse(in);
}

at::Tensor Decode(const nlohmann::json& entry) {
  std::string bytes;
  EXPECT_TRUE(absl::Base64Unescape(entry["data"].get<std::string>(), &bytes));
  return FromBytes(DType::kFloat32, entry["shape"].get<std::vector<int64_t>>(),
                   bytes);
}

nlohmann::json BackboneConfig(int64_t layers) {
  return {{"model_type", "gpt2"},        {"n_embd", kWidth},
          {"n_layer", layers},           {"n_head", kHeads},
          {"vocab_size", kVocab},        {"n_positions", kPositions},
          {"tie_word_embeddings", false}};
}

class GptNanoTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model_ = ReadJson("gpt-nano-sort-model.json");
    partials_ = ReadJson("gpt-nano-sort-t0-partials.json");
  }

  at::Tensor Golden(const std::string& name) const {
    return Decode(partials_[name]);
  }
  at::Tensor Weight(const std::string& name) const {
    return Decode(model_[name]);
  }

  // Of the first `layers` blocks, without the buffers of masks. minGPT's Linear
  // is [out, in], the reference's Conv1D [in, out].
  WeightMap Weights(int64_t layers) const {
    WeightMap weights;
    for (const auto& [name, entry] : model_.items()) {
      bool skip = name == "config" || absl::EndsWith(name, ".attn.bias");
      for (int64_t layer = layers; layer < kLayers; ++layer) {
        skip |= absl::StrContains(name, absl::StrCat(".h.", layer, "."));
      }
      if (skip) continue;
      const at::Tensor weight = Decode(entry);
      const bool conv = absl::StrContains(name, ".c_") && weight.dim() == 2;
      weights[name] = conv ? weight.t().contiguous() : weight;
    }
    return weights;
  }
  // One block that adds nothing from these projections to what it is given.
  WeightMap Silent(std::initializer_list<const char*> projections) const {
    WeightMap weights = Weights(1);
    for (const char* name : projections) {
      for (const char* part : {".weight", ".bias"}) {
        at::Tensor& weight = weights.at(absl::StrCat(name, part));
        weight = at::zeros_like(weight);
      }
    }
    return weights;
  }
  // The weights with another norm at the end.
  WeightMap EndingWith(const std::string& norm, WeightMap weights) const {
    for (const char* part : {".weight", ".bias"}) {
      weights.at(absl::StrCat(kFinalNorm, part)) =
          Weight(absl::StrCat(norm, part));
    }
    return weights;
  }

  at::Tensor FinalNorm(const at::Tensor& x) const {
    return at::layer_norm(x, {kWidth}, Weight("transformer.ln_f.weight"),
                          Weight("transformer.ln_f.bias"), kEpsilon);
  }

  std::unique_ptr<Backbone> Make(const WeightMap& weights, int64_t layers) {
    auto backbone = MakeBackbone(BackboneConfig(layers), weights);
    EXPECT_THAT(backbone, IsOk());
    return backbone.ok() ? *std::move(backbone) : nullptr;
  }
  // [kRows, kPositions, kWidth], after the final norm.
  at::Tensor Forward(const WeightMap& weights, int64_t layers,
                     const at::Tensor& embeddings) {
    return Make(weights, layers)
        ->Forward(embeddings.reshape({-1, kWidth}), layout_)
        .view({kRows, kPositions, kWidth});
  }

  void Compare(const std::string& name, const at::Tensor& ours,
               const at::Tensor& reference) {
    ASSERT_EQ(ours.numel(), reference.numel()) << name;
    const double difference =
        (ours.reshape(reference.sizes()) - reference).abs().max().item<float>();
    const double bound =
        kTolerance *
        std::max(1.0, static_cast<double>(reference.abs().max().item<float>()));
    std::printf("gpt-nano-sort: %s: largest difference %.2e, bound %.2e\n",
                name.c_str(), difference, bound);
    EXPECT_LE(difference, bound) << name;  // false for a NaN
  }

  nlohmann::json model_, partials_;
  const PackedLayout layout_ =
      PackedLayout::Of(std::vector<int64_t>(kRows, kPositions), at::kCPU);
};

TEST_F(GptNanoTest, EmbeddingsAgree) {
  const at::Tensor ids = Golden("idx").to(at::kLong).reshape({-1});
  const at::Tensor tokens = Make(Weights(1), 1)->Embed(ids);
  Compare("tok_emb", tokens, Golden("tok_emb"));
  const WeightMap silent = Silent({kAttentionOut, kFeedForwardOut});
  Compare("pos_emb", Forward(silent, 1, at::zeros_like(tokens))[0],
          FinalNorm(Golden("pos_emb")));
  Compare("x", Forward(silent, 1, tokens), FinalNorm(Golden("x")));
}

TEST_F(GptNanoTest, TheStagesOfTheFirstBlockAgree) {
  const at::Tensor tokens = Golden("tok_emb");
  const WeightMap silent = Silent({kAttentionOut, kFeedForwardOut});
  const WeightMap attends = Silent({kFeedForwardOut});
  Compare("ln1", Forward(EndingWith("transformer.h.0.ln_1", silent), 1, tokens),
          Golden("ln1"));
  Compare("attnResid", Forward(attends, 1, tokens),
          FinalNorm(Golden("attnResid")));
  Compare("ln2",
          Forward(EndingWith("transformer.h.0.ln_2", attends), 1, tokens),
          Golden("ln2"));
  Compare("mlpResid", Forward(Weights(1), 1, tokens),
          FinalNorm(Golden("mlpResid")));
}

TEST_F(GptNanoTest, AttentionAgrees) {
  const auto packed = [](const at::Tensor& heads) {
    return heads.transpose(1, 2).reshape({kRows * kPositions, kHeads, -1});
  };
  const at::Tensor q = packed(Golden("q")), k = packed(Golden("k"));
  Compare("y", CausalAttention(q, k, packed(Golden("v")), layout_),
          Golden("y"));
  // Position j's value is the unit vector j: what comes out are the weights.
  const int64_t width = q.size(2);
  const at::Tensor units = at::eye(kPositions, width)
                               .view({1, kPositions, 1, width})
                               .expand({kRows, kPositions, kHeads, width})
                               .reshape({-1, kHeads, width});
  Compare("attSm",
          CausalAttention(q, k, units, layout_)
              .view({kRows, kPositions, kHeads, width})
              .narrow(3, 0, kPositions)
              .transpose(1, 2),
          Golden("attSm"));
}

TEST_F(GptNanoTest, TheActivationAgrees) {
  Compare("gelu", Activate(Activation::kGeluTanh, Golden("fc")),
          Golden("gelu"));
}

TEST_F(GptNanoTest, EveryBlockAgrees) {
  for (int64_t layer = 0; layer < kLayers; ++layer) {
    const std::string block = absl::StrCat("block", layer);
    Compare(block, Forward(Weights(layer + 1), layer + 1, Golden("tok_emb")),
            FinalNorm(Golden(block)));
  }
}

TEST_F(GptNanoTest, FinalNormAndHeadAgree) {
  const WeightMap weights = Weights(kLayers);
  const at::Tensor hidden = Forward(weights, kLayers, Golden("tok_emb"));
  const at::Tensor logits = Make(weights, kLayers)->Head(hidden);
  Compare("ln_f", hidden, Golden("ln_f"));
  Compare("lm_head", logits, Golden("lm_head"));
  Compare("probs", at::softmax(logits, -1), Golden("probs"));
}

// The same once more through a model folder and the interface.
TEST_F(GptNanoTest, TheServedModelAgrees) {
  const TestFolder folder;
  std::vector<HostTensor> tensors;
  for (const auto& [name, weight] : Weights(kLayers)) {
    tensors.push_back(ToHost(name, weight));
  }
  folder.WriteTensors(tensors);
  folder.WriteConfig({{"architecture", "rmt"},
                      {"num_mem_tokens", 0},
                      {"segment_size", kPositions},
                      {"backbone", BackboneConfig(kLayers)}});
  ASSERT_OK_AND_ASSIGN(const auto model, LoadModel(folder.path(), {}));
  OutputRequest request;
  request.names = {"logits"};
  for (int64_t row = 0; row < kRows; ++row) {
    const at::Tensor ids = Golden("idx")[row].to(at::kInt);
    StepRow step;
    step.tokens = absl::MakeConstSpan(ids.const_data_ptr<int32_t>(),
                                      static_cast<size_t>(kPositions));
    step.memory = model->InitialMemory();
    step.fresh = true;
    step.request = &request;
    ASSERT_OK_AND_ASSIGN(const auto results, model->Step({&step, 1}));
    Compare(absl::StrCat("served lm_head, row ", row),
            FromBytes(DType::kFloat32, {kPositions, kVocab},
                      results[0].outputs[0].data),
            Golden("lm_head")[row]);
  }
}

}  // namespace
}  // namespace mneme
