#ifndef MNEME_MODEL_TRAIN_TRAIN_CHECKPOINT_H_
#define MNEME_MODEL_TRAIN_TRAIN_CHECKPOINT_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "nlohmann/json.hpp"

namespace mneme {

// All that a training run needs to go on as if it had not stopped.
struct TrainCheckpoint {
  nlohmann::json state;                       // counters and options
  std::map<std::string, at::Tensor> tensors;  // dense; loaded ones on the CPU
};

// Writes a folder: index.json and the tensors' bytes in files of at most
// `piece_bytes` (0: one file). The old checkpoint is replaced only when the new
// one is whole, so that there is one at any moment after the first.
absl::Status SaveCheckpoint(const std::string& folder,
                            const TrainCheckpoint& checkpoint,
                            int64_t piece_bytes);

// NOT_FOUND when there is none; DATA_LOSS, naming the file, when it is damaged.
absl::StatusOr<TrainCheckpoint> LoadCheckpoint(const std::string& folder);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_TRAIN_CHECKPOINT_H_
