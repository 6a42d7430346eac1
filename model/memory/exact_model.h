#ifndef MNEME_MODEL_MEMORY_EXACT_MODEL_H_
#define MNEME_MODEL_MEMORY_EXACT_MODEL_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/checkpoint/model_config.h"
#include "model/sequence_model.h"

namespace mneme {

// What the models without tensors, oracle and null, have in common.

// The spec of a model that is its config.json alone.
ModelSpec SpecOfConfig(const ModelConfig& config,
                       std::vector<TensorSpec> outputs,
                       std::vector<TensorSpec> memory);

// A one-dimensional host tensor of T's, whose dtype is `dtype`.
template <typename T>
HostTensor MakeHostTensor(std::string name, DType dtype,
                          const std::vector<T>& values) {
  return {std::move(name),
          dtype,
          {static_cast<int64_t>(values.size())},
          std::string(reinterpret_cast<const char*>(values.data()),
                      values.size() * sizeof(T))};
}

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_EXACT_MODEL_H_
