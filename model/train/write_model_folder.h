#ifndef MNEME_MODEL_TRAIN_WRITE_MODEL_FOLDER_H_
#define MNEME_MODEL_TRAIN_WRITE_MODEL_FOLDER_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <string>

#include "absl/status/status.h"
#include "model/train/flat_parameters.h"
#include "nlohmann/json.hpp"

namespace mneme {

// Writes `folder`/config.json and `folder`/model.safetensors, which LoadModel
// reads: the weights as `dtype`, under the reference's key names.
absl::Status WriteModelFolder(const std::string& folder,
                              const nlohmann::json& config,
                              const FlatParameters& parameters,
                              at::ScalarType dtype);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_WRITE_MODEL_FOLDER_H_
