#include "model/sequence_model.h"

namespace mneme {

int64_t ModelSpec::memory_bytes() const {
  int64_t bytes = 0;
  for (const TensorSpec& tensor : memory) {
    bytes += NumElements(tensor.shape) * SizeOf(tensor.dtype);
  }
  return bytes;
}

const TensorSpec* ModelSpec::FindOutput(absl::string_view output) const {
  for (const TensorSpec& spec : outputs) {
    if (spec.name == output) return &spec;
  }
  return nullptr;
}

}  // namespace mneme
