#ifndef MNEME_MODEL_MEMORY_RMT_H_
#define MNEME_MODEL_MEMORY_RMT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "model/checkpoint/model_config.h"
#include "model/load_model.h"
#include "model/sequence_model.h"

namespace mneme {

// The recurrent memory transformer over a causal language model (Bulatov et al.
// 2022, the decoder form), and, with num_mem_tokens 0, that language model
// alone. A session carries "memory" [m, d] (absent when m = 0) and
// "last_hidden" [d], the final hidden state of its last token, from which the
// first token of its next segment is scored. REQUIRES: config.architecture is
// "rmt". Errors as LoadModel's; threads as SequenceModel says.
absl::StatusOr<std::unique_ptr<SequenceModel>> MakeRmt(
    const ModelConfig& config, const ModelOptions& options);

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_RMT_H_
