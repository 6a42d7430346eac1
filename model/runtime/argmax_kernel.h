#ifndef MNEME_MODEL_RUNTIME_ARGMAX_KERNEL_H_
#define MNEME_MODEL_RUNTIME_ARGMAX_KERNEL_H_

// Private to CUDA builds of model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace mneme {

// aten::argmax: the first of the largest values, a NaN being larger than all.
// What the kernel is not made for (another dtype or dimension) goes to
// LibTorch's.
at::Tensor Argmax(const at::Tensor& x, std::optional<int64_t> dim,
                  bool keepdim);

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_ARGMAX_KERNEL_H_
