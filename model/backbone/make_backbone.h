#ifndef MNEME_MODEL_BACKBONE_MAKE_BACKBONE_H_
#define MNEME_MODEL_BACKBONE_MAKE_BACKBONE_H_

// Private to model/: this header includes torch.

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/backbone/backbone.h"
#include "model/backbone/parameter_spec.h"
#include "nlohmann/json.hpp"

namespace mneme {

// `config` is a Hugging Face config object; its "model_type" names the family:
// "gpt2", "llama" or "gpt_neox". Spellings of transformers 4 and 5 are read; an
// unknown family, flag or rope_type is INVALID_ARGUMENT and named.

// The weights that the backbone has.
absl::StatusOr<std::vector<ParameterSpec>> BackboneParameters(
    const nlohmann::json& config);

// All that changes the forward pass, in one spelling: what a fingerprint reads.
absl::StatusOr<std::string> CanonicalBackbone(const nlohmann::json& config);

// A backbone over `weights`, which it shares (it copies none): names and shapes
// as BackboneParameters says, one dtype, one device. Without an optional head
// the embedding is the head.
absl::StatusOr<std::unique_ptr<Backbone>> MakeBackbone(
    const nlohmann::json& config, const WeightMap& weights);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_MAKE_BACKBONE_H_
