#ifndef MNEME_MODEL_RUNTIME_DEVICE_H_
#define MNEME_MODEL_RUNTIME_DEVICE_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include "absl/status/statusor.h"
#include "model/load_model.h"

namespace mneme {

// Where a model runs and in what precision it computes.
struct Placement {
  at::Device device = at::kCPU;
  at::ScalarType compute = at::kFloat;
};

// Checks the options against this machine and sets the process's CPU threads.
// INVALID_ARGUMENT (unknown device or precision), FAILED_PRECONDITION (no such
// device here).
absl::StatusOr<Placement> PlacementOf(const ModelOptions& options);

// "float32", "bfloat16", "float16".
const char* PrecisionName(at::ScalarType type);

// Has the process's attention on CUDA take the fastest kernel for serving that
// fits: cuDNN's took half of flash attention's time on one H200 (64 rows of 544
// positions, 12 heads).
void PreferFastAttention();

// Copies to the device, without waiting for what it does.
at::Tensor ToDevice(const std::vector<int64_t>& values, at::Device device);
at::Tensor ToDevice(const at::Tensor& host, at::Device device);

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_DEVICE_H_
