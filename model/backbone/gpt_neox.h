#ifndef MNEME_MODEL_BACKBONE_GPT_NEOX_H_
#define MNEME_MODEL_BACKBONE_GPT_NEOX_H_

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

// Hugging Face's GPTNeoXConfig, as far as it changes the forward pass. A plain
// value.
struct GptNeoxConfig {
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t width = 0;
  int64_t inner = 0;
  int64_t vocab = 0;
  int64_t positions = 0;
  double norm_epsilon = 1e-5;
  Activation activation = Activation::kGelu;
  bool tied = false;
  bool attention_bias = true;
  bool parallel_residual = true;  // attention and feed-forward read the same x
  RopeConfig rope;
};

absl::StatusOr<GptNeoxConfig> ParseGptNeoxConfig(const nlohmann::json& config);
// All that changes the forward pass, in one spelling. Not the positions: they
// bound a row and change none.
std::string CanonicalText(const GptNeoxConfig& config);
std::vector<ParameterSpec> GptNeoxParameters(const GptNeoxConfig& config);
// `weights` as CheckWeights asks for.
absl::StatusOr<std::unique_ptr<Backbone>> MakeGptNeox(
    const GptNeoxConfig& config, const WeightMap& weights);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_GPT_NEOX_H_
