#ifndef MNEME_MODEL_CHECKPOINT_MODEL_CONFIG_H_
#define MNEME_MODEL_CHECKPOINT_MODEL_CONFIG_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/tensor.h"
#include "nlohmann/json.hpp"

namespace mneme {

// A model folder's config.json: what every family has, and what some have. A
// plain value; the functions below may be called from any thread.
// clang-tidy takes nlohmann's assertions in its move for exceptions.
// NOLINTNEXTLINE(bugprone-exception-escape)
struct ModelConfig {
  std::string folder;
  std::string architecture;  // one of Architectures()
  std::string name;          // default: the folder's name
  int64_t version = 1;
  std::string tokenizer;  // "bytes" or ""
  int64_t segment_size = 0;

  // "rmt"
  int64_t num_mem_tokens = 0;
  DType memory_dtype = DType::kFloat32;  // how memory is kept between steps
  nlohmann::json backbone;               // a Hugging Face config

  // "oracle", "null"
  int64_t vocab_size = 0;
  std::vector<std::string> extra_inputs;  // of "decoder_tokens"
};

// The architectures that this build can load.
absl::Span<const char* const> Architectures();

// Parses a config.json. INVALID_ARGUMENT names the key (an unknown one too) and
// what was expected. The backbone's own keys are checked by MakeBackbone.
absl::StatusOr<ModelConfig> ParseModelConfig(const nlohmann::json& json,
                                             const std::string& folder);

// An error that begins with "config.json", with the folder before it.
absl::Status InFolder(const std::string& folder, const absl::Status& error);

// Reads folder/config.json; errors begin with the folder.
absl::StatusOr<ModelConfig> ReadModelConfig(const std::string& folder);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_MODEL_CONFIG_H_
