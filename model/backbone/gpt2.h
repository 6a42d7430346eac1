#ifndef MNEME_MODEL_BACKBONE_GPT2_H_
#define MNEME_MODEL_BACKBONE_GPT2_H_

// Private to model/: this header includes torch.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/backbone/activation.h"
#include "model/backbone/backbone.h"
#include "model/backbone/parameter_spec.h"
#include "nlohmann/json.hpp"

namespace mneme {

// Hugging Face's GPT2Config, as far as it changes the forward pass. A plain
// value.
struct Gpt2Config {
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t width = 0;
  int64_t inner = 0;  // width of the feed-forward layer
  int64_t vocab = 0;
  int64_t positions = 0;
  double norm_epsilon = 1e-5;
  Activation activation = Activation::kGeluTanh;
  bool tied = true;  // the head may be the embedding
  bool scale_attention = true;
  bool scale_by_layer = false;  // attention is also divided by layer + 1
};

absl::StatusOr<Gpt2Config> ParseGpt2Config(const nlohmann::json& config);
// All that changes the forward pass, in one spelling.
std::string CanonicalText(const Gpt2Config& config);
std::vector<ParameterSpec> Gpt2Parameters(const Gpt2Config& config);
// `weights` as CheckWeights asks for.
absl::StatusOr<std::unique_ptr<Backbone>> MakeGpt2(const Gpt2Config& config,
                                                   const WeightMap& weights);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_GPT2_H_
