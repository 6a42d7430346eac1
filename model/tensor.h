#ifndef MNEME_MODEL_TENSOR_H_
#define MNEME_MODEL_TENSOR_H_

#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mneme {

enum class DType : uint8_t {
  kFloat32,
  kBFloat16,
  kFloat16,
  kInt64,
  kInt32,
  kUint8,
};

// Bytes of one element.
int64_t SizeOf(DType dtype);

// The safetensors spelling: F32, BF16, F16, I64, I32, U8.
absl::string_view DTypeName(DType dtype);
absl::StatusOr<DType> ParseDType(absl::string_view name);

// The number of elements of a shape; 1 for a scalar.
int64_t NumElements(const std::vector<int64_t>& shape);

// What a tensor of one session looks like. A first dimension of -1 is the
// number of tokens in the segment (or of positions asked for), or, where
// `extra_input` names one of the model's extra inputs, of that input's tokens.
// A later one is top_k.
struct TensorSpec {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::string extra_input = {};
  friend auto operator<=>(const TensorSpec&, const TensorSpec&) = default;
};

// A named tensor in host memory: dense, row-major, little-endian.
// Invariant: data.size() == NumElements(shape) * SizeOf(dtype).
struct HostTensor {
  std::string name;
  DType dtype = DType::kFloat32;
  std::vector<int64_t> shape;
  std::string data;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TENSOR_H_
