#ifndef MNEME_MODEL_RUNTIME_LAYER_NORM_KERNELS_H_
#define MNEME_MODEL_RUNTIME_LAYER_NORM_KERNELS_H_

// Private to CUDA builds of model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <array>
#include <optional>
#include <tuple>

namespace mneme {

// aten::native_layer_norm and its backward. What the kernels are not made for
// (another dtype or width; gamma or beta of another size or on another device)
// goes to LibTorch's.
std::tuple<at::Tensor, at::Tensor, at::Tensor> NativeLayerNorm(
    const at::Tensor& input, at::IntArrayRef shape,
    const std::optional<at::Tensor>& gamma,
    const std::optional<at::Tensor>& beta, double epsilon);

std::tuple<at::Tensor, at::Tensor, at::Tensor> NativeLayerNormBackward(
    const at::Tensor& grad, const at::Tensor& input, at::IntArrayRef shape,
    const at::Tensor& mean, const at::Tensor& rstd,
    const std::optional<at::Tensor>& gamma,
    const std::optional<at::Tensor>& beta, std::array<bool, 3> mask);

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_LAYER_NORM_KERNELS_H_
