#ifndef MNEME_MODEL_CHECKPOINT_TORCH_TENSOR_H_
#define MNEME_MODEL_CHECKPOINT_TORCH_TENSOR_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/backbone/parameter_spec.h"
#include "model/checkpoint/checkpoint.h"
#include "model/checkpoint/safetensors.h"
#include "model/tensor.h"

namespace mneme {

at::ScalarType ScalarTypeOf(DType dtype);
// REQUIRES: `type` is one of DType's.
DType DTypeOf(at::ScalarType type);

// A copy in host memory, dense.
HostTensor ToHost(std::string name, const at::Tensor& tensor);
// A copy of `bytes`, as a tensor in host memory.
// REQUIRES: the size fits shape and dtype.
at::Tensor FromBytes(DType dtype, const std::vector<int64_t>& shape,
                     absl::string_view bytes);

// OK when `tensors` holds exactly what `specs` ask for, as F32, BF16 or F16.
// Else INVALID_ARGUMENT that names the tensor as its file does, the file and
// what was expected.
absl::Status CheckStored(const std::vector<ParameterSpec>& specs,
                         const StoredTensors& tensors,
                         const KeySpelling& spelling);

// Copies of stored tensors, as `dtype` on `device`.
// REQUIRES: CheckStored() said OK.
WeightMap LoadWeights(const StoredTensors& tensors, at::ScalarType dtype,
                      at::Device device);

}  // namespace mneme

#endif  // MNEME_MODEL_CHECKPOINT_TORCH_TENSOR_H_
