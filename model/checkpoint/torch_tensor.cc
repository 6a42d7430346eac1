#include "model/checkpoint/torch_tensor.h"

#include <ATen/ops/empty.h>

#include <cstring>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace mneme {

at::ScalarType ScalarTypeOf(DType dtype) {
  switch (dtype) {
    case DType::kFloat32:
      return at::kFloat;
    case DType::kBFloat16:
      return at::kBFloat16;
    case DType::kFloat16:
      return at::kHalf;
    case DType::kInt64:
      return at::kLong;
    case DType::kInt32:
      return at::kInt;
    case DType::kUint8:
      return at::kByte;
  }
  return at::kFloat;
}

DType DTypeOf(at::ScalarType type) {
  for (const DType dtype : {DType::kBFloat16, DType::kFloat16, DType::kInt64,
                            DType::kInt32, DType::kUint8}) {
    if (ScalarTypeOf(dtype) == type) return dtype;
  }
  return DType::kFloat32;
}

HostTensor ToHost(std::string name, const at::Tensor& tensor) {
  const at::Tensor host = tensor.detach().to(at::kCPU).contiguous();
  return {std::move(name), DTypeOf(host.scalar_type()), host.sizes().vec(),
          std::string(static_cast<const char*>(host.const_data_ptr()),
                      host.nbytes())};
}

at::Tensor FromBytes(DType dtype, const std::vector<int64_t>& shape,
                     absl::string_view bytes) {
  at::Tensor tensor =
      at::empty(shape, at::TensorOptions().dtype(ScalarTypeOf(dtype)));
  if (!bytes.empty()) {
    std::memcpy(tensor.mutable_data_ptr(), bytes.data(), bytes.size());
  }
  return tensor;
}

absl::Status CheckStored(const std::vector<ParameterSpec>& specs,
                         const StoredTensors& tensors,
                         const KeySpelling& spelling) {
  std::set<std::string> known;
  for (const ParameterSpec& spec : specs) {
    known.insert(spec.name);
    const auto it = tensors.find(spec.name);
    const std::string shape =
        absl::StrCat("[", absl::StrJoin(spec.shape, ", "), "]");
    if (it == tensors.end()) {
      if (spec.optional) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          "tensor \"", spelling.KeyOf(spec.name), "\" is missing in ",
          spelling.file, "; expected shape ", shape));
    }
    const StoredTensor& tensor = it->second;
    if (tensor.shape != spec.shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          tensor.Describe(), " has shape [", absl::StrJoin(tensor.shape, ", "),
          "]; expected ", shape));
    }
    if (tensor.dtype != DType::kFloat32 && tensor.dtype != DType::kBFloat16 &&
        tensor.dtype != DType::kFloat16) {
      return absl::InvalidArgumentError(
          absl::StrCat(tensor.Describe(), " has dtype ", tensor.dtype_name,
                       "; expected F32, BF16 or F16"));
    }
  }
  for (const auto& [name, tensor] : tensors) {
    if (known.count(name) == 0) {
      return absl::InvalidArgumentError(
          absl::StrCat(tensor.Describe(), " is not one of this model's"));
    }
  }
  return absl::OkStatus();
}

WeightMap LoadWeights(const StoredTensors& tensors, at::ScalarType dtype,
                      at::Device device) {
  WeightMap weights;
  for (const auto& [name, stored] : tensors) {
    weights[name] =
        FromBytes(*stored.dtype, stored.shape, stored.data).to(device, dtype);
  }
  return weights;
}

}  // namespace mneme
