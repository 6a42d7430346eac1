#ifndef MNEME_MODEL_CHECKPOINT_MODEL_FOLDER_H_
#define MNEME_MODEL_CHECKPOINT_MODEL_FOLDER_H_

// Private to model/: this header includes torch.

#include "absl/status/statusor.h"
#include "model/backbone/parameter_spec.h"
#include "model/checkpoint/model_config.h"
#include "model/checkpoint/safetensors.h"
#include "server/base/sha256.h"

namespace mneme {

// The checked contents of a model folder with a backbone, still in its files.
struct ModelFolder {
  StoredTensors tensors;  // under our names, all that the model needs
  Digest fingerprint{};
};

// Reads the weights of the "rmt" that `config` describes: the backbone's, and
// "memory" where it has memory tokens. Errors as LoadModel's.
absl::StatusOr<ModelFolder> ReadModelFolder(const ModelConfig& config);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_MODEL_FOLDER_H_
