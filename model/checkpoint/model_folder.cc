#include "model/checkpoint/model_folder.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/backbone/make_backbone.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/fingerprint.h"
#include "model/checkpoint/torch_tensor.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// What a model folder has to hold, by its config alone.
struct Expected {
  std::vector<ParameterSpec> parameters;
  std::string canonical_config;  // what the fingerprint reads
};

absl::Status CheckSizes(const ModelConfig& config, const BackboneSizes& sizes) {
  if (MaxRow(config) > sizes.positions) {
    return absl::InvalidArgumentError(absl::StrCat(
        "config.json: \"segment_size\" + 2 * \"num_mem_tokens\" is ",
        MaxRow(config), "; the backbone has ", sizes.positions, " positions"));
  }
  if (config.tokenizer == "bytes" && sizes.vocab < 256) {
    return absl::InvalidArgumentError(
        absl::StrCat("config.json: \"tokenizer\" is \"bytes\"; the backbone's "
                     "vocabulary of ",
                     sizes.vocab, " is less than 256"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Expected> Expect(const ModelConfig& config) {
  Expected expected;
  ASSIGN_OR_RETURN(const BackboneSizes sizes, SizesOf(config.backbone));
  RETURN_IF_ERROR(CheckSizes(config, sizes));
  ASSIGN_OR_RETURN(expected.parameters, BackboneParameters(config.backbone));
  if (config.num_mem_tokens > 0) {
    expected.parameters.push_back(
        {"memory", {config.num_mem_tokens, sizes.width}});
  }
  ASSIGN_OR_RETURN(const std::string text, CanonicalBackbone(config.backbone));
  expected.canonical_config =
      absl::StrCat("rmt segment_size=", config.segment_size,
                   " num_mem_tokens=", config.num_mem_tokens, " ", text);
  return expected;
}

}  // namespace

int64_t MaxRow(const ModelConfig& config) {
  return config.segment_size + 2 * config.num_mem_tokens;
}

absl::StatusOr<ModelFolder> ReadModelFolder(const ModelConfig& config) {
  const auto expected = Expect(config);
  if (!expected.ok()) return InFolder(config.folder, expected.status());
  ASSIGN_OR_RETURN(const StoredTensors stored, ReadCheckpoint(config.folder));
  ModelFolder folder;
  ASSIGN_OR_RETURN(folder.tensors, CanonicalTensors(stored, config.backbone));
  RETURN_IF_ERROR(
      CheckStored(expected->parameters, folder.tensors,
                  SpellingOf(config.folder, stored, config.backbone)));
  folder.fingerprint = Fingerprint(expected->canonical_config, folder.tensors);
  return folder;
}

}  // namespace mneme
