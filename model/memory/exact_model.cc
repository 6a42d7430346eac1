#include "model/memory/exact_model.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/checkpoint/fingerprint.h"

namespace mneme {
namespace {

constexpr int64_t kMaxExtraTokens = 4096;

}  // namespace

ModelSpec SpecOfConfig(const ModelConfig& config,
                       std::vector<TensorSpec> outputs,
                       std::vector<TensorSpec> memory) {
  ModelSpec spec;
  spec.name = config.name;
  spec.version = config.version;
  spec.architecture = config.architecture;
  spec.fingerprint = Fingerprint(
      absl::StrCat(config.architecture, " segment_size=", config.segment_size,
                   " vocab_size=", config.vocab_size,
                   " extra_inputs=", absl::StrJoin(config.extra_inputs, ",")),
      {});
  spec.numeric_mode = "exact";
  spec.segment_size = config.segment_size;
  spec.vocab_size = config.vocab_size;
  spec.tokenizer = config.tokenizer;
  for (const std::string& input : config.extra_inputs) {
    spec.extra_inputs.push_back({input, kMaxExtraTokens});
  }
  spec.outputs = std::move(outputs);
  spec.memory = std::move(memory);
  return spec;
}

}  // namespace mneme
