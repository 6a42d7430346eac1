#ifndef MNEME_MODEL_BACKBONE_LLAMA_H_
#define MNEME_MODEL_BACKBONE_LLAMA_H_

// Private to model/: this header includes torch.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/backbone/activation.h"
#include "model/backbone/backbone.h"
#include "model/backbone/parameter_spec.h"
#include "model/backbone/rope.h"
#include "nlohmann/json.hpp"

namespace mneme {

// Hugging Face's LlamaConfig, as far as it changes the forward pass. A plain
// value.
struct LlamaConfig {
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;  // divides heads
  int64_t head_width = 0;
  int64_t width = 0;
  int64_t inner = 0;
  int64_t vocab = 0;
  int64_t positions = 0;
  double norm_epsilon = 1e-6;
  Activation activation = Activation::kSilu;
  bool tied = false;
  bool attention_bias = false;
  bool mlp_bias = false;
  RopeConfig rope;
};

absl::StatusOr<LlamaConfig> ParseLlamaConfig(const nlohmann::json& config);
// All that changes the forward pass, in one spelling. Not the positions: they
// bound a row and change none.
std::string CanonicalText(const LlamaConfig& config);
std::vector<ParameterSpec> LlamaParameters(const LlamaConfig& config);
// `weights` as CheckWeights asks for.
absl::StatusOr<std::unique_ptr<Backbone>> MakeLlama(const LlamaConfig& config,
                                                    const WeightMap& weights);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_LLAMA_H_
