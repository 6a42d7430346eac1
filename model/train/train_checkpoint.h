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
  nlohmann::json state = nlohmann::json::object();  // counters and identity
  std::map<std::string, at::Tensor> tensors;  // dense; loaded ones on the CPU
  std::string file = {};  // where `state` was loaded from, for errors

  // What the state says; DATA_LOSS, naming the file, when it says nothing or no
  // number of 0 or more.
  absl::StatusOr<int64_t> Counter(const std::string& key) const;
  absl::StatusOr<double> Seconds() const;
  // Null when there is none.
  nlohmann::json Identity() const;
};

// Writes a folder: state.json, the tensors in safetensors files of at most
// `piece_bytes` (0: one file; no row of a tensor is ever cut), and SHA256SUMS
// of all of them in sha256sum's format. The old checkpoint is replaced only
// when the new one is whole and on the disk, so that there is one at any moment
// after the first. REQUIRES: piece_bytes is 0 or at least kLeastPieceBytes; the
// tensors' dtypes are DType's.
absl::Status SaveCheckpoint(const std::string& folder,
                            const TrainCheckpoint& checkpoint,
                            int64_t piece_bytes);

// NOT_FOUND when there is none; DATA_LOSS, naming the file, when it is damaged:
// every byte of it is covered by a checksum or is one.
absl::StatusOr<TrainCheckpoint> LoadCheckpoint(const std::string& folder);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_TRAIN_CHECKPOINT_H_
