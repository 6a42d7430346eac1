#ifndef MNEME_MODEL_TRAIN_CHECKPOINT_PIECES_H_
#define MNEME_MODEL_TRAIN_CHECKPOINT_PIECES_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace mneme {

// Tensors in a numbered series of safetensors files. A tensor larger than a
// file is cut along its first dimension and goes on in the next one.

// Writes "tensors-00001-of-0000N.safetensors" and so on into `folder`, of at
// most `piece_bytes` each (0: one file), and gives their names.
absl::StatusOr<std::vector<std::string>> WritePieces(
    const std::string& folder, const std::map<std::string, at::Tensor>& tensors,
    int64_t piece_bytes);

// DATA_LOSS, naming the file, when `names` is not a whole series or a file is
// not what was written.
absl::StatusOr<std::map<std::string, at::Tensor>> ReadPieces(
    const std::string& folder, const std::vector<std::string>& names);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_CHECKPOINT_PIECES_H_
