#ifndef MNEME_MODEL_CHECKPOINT_MODEL_FOLDER_H_
#define MNEME_MODEL_CHECKPOINT_MODEL_FOLDER_H_

// Private to model/: this header includes torch.

#include "absl/status/statusor.h"
#include "model/backbone/parameter_spec.h"
#include "model/checkpoint/model_config.h"
#include "model/checkpoint/safetensors.h"
#include "server/base/sha256.h"

namespace mneme {

// The most positions of a row of one step: a full segment between its memory
// tokens.
int64_t MaxRow(const ModelConfig& config);

// The checked contents of a model folder with a backbone, still in its files.
// A value of no thread in particular.
struct ModelFolder {
  StoredTensors tensors;  // under our names, all that the model needs
  Digest fingerprint{};
};

// Reads the weights of the "rmt" that `config` describes: the backbone's, and
// "memory" where it has memory tokens. Nothing is read of them before the
// config is found good. Errors as LoadModel's. Callable from any thread.
absl::StatusOr<ModelFolder> ReadModelFolder(const ModelConfig& config);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_MODEL_FOLDER_H_
