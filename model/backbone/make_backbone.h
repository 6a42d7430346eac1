#ifndef MNEME_MODEL_BACKBONE_MAKE_BACKBONE_H_
#define MNEME_MODEL_BACKBONE_MAKE_BACKBONE_H_

// Private to model/: this header includes torch.

#include <cstdint>
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
// unknown family, flag or rope_type is INVALID_ARGUMENT and named. Functions
// without state: callable from any thread.

// The weights that the backbone has.
absl::StatusOr<std::vector<ParameterSpec>> BackboneParameters(
    const nlohmann::json& config);

// All that changes the forward pass, in one spelling: what a fingerprint reads.
absl::StatusOr<std::string> CanonicalBackbone(const nlohmann::json& config);

// What a config says of a backbone's shape; to be checked before weights are
// read.
struct BackboneSizes {
  int64_t width = 0;
  int64_t vocab = 0;
  int64_t positions = 0;  // of a row, at most
};
absl::StatusOr<BackboneSizes> SizesOf(const nlohmann::json& config);

// Enough for any row that is trained or served in practice.
inline constexpr int64_t kDefaultMaxRow = 1 << 16;

// A backbone over `weights`, which it shares (it copies none): names and shapes
// as BackboneParameters says, one dtype, one device. Without an optional head
// the embedding is the head. `max_row`: the most positions that a row will
// have. Tables over positions are made for so many, not for all that a config
// claims, which costs it nothing; max_positions() is the lesser of the two.
absl::StatusOr<std::unique_ptr<Backbone>> MakeBackbone(
    const nlohmann::json& config, const WeightMap& weights,
    int64_t max_row = kDefaultMaxRow);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_MAKE_BACKBONE_H_
