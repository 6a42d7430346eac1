#ifndef MNEME_MODEL_MEMORY_NULL_H_
#define MNEME_MODEL_MEMORY_NULL_H_

#include <memory>

#include "absl/status/statusor.h"
#include "model/checkpoint/model_config.h"
#include "model/sequence_model.h"

namespace mneme {

// A model that does nothing and costs nothing, for measuring the server alone.
// Its memory, "memory" F32 [4], is always zero; its output "argmax" too. No
// torch; config.json alone is the model. `config.architecture` is "null".
// Threads as SequenceModel says.
absl::StatusOr<std::unique_ptr<SequenceModel>> MakeNull(
    const ModelConfig& config);

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_NULL_H_
