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

absl::StatusOr<ModelFolder> ReadModelFolder(const ModelConfig& config) {
  ASSIGN_OR_RETURN(std::vector<ParameterSpec> parameters,
                   BackboneParameters(config.backbone));
  ASSIGN_OR_RETURN(const std::string text, CanonicalBackbone(config.backbone));
  if (config.num_mem_tokens > 0) {
    // The first one is the embedding, [vocab, width].
    const int64_t width = parameters.front().shape.back();
    parameters.push_back({"memory", {config.num_mem_tokens, width}});
  }
  ASSIGN_OR_RETURN(const StoredTensors stored, ReadCheckpoint(config.folder));
  ModelFolder folder;
  ASSIGN_OR_RETURN(folder.tensors, CanonicalTensors(stored, config.backbone));
  RETURN_IF_ERROR(CheckStored(parameters, folder.tensors, config.folder));
  folder.fingerprint = Fingerprint(
      absl::StrCat("rmt segment_size=", config.segment_size,
                   " num_mem_tokens=", config.num_mem_tokens, " ", text),
      folder.tensors);
  return folder;
}

}  // namespace mneme
