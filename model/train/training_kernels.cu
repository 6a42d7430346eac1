#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include "model/runtime/column_sum.h"
#include "model/runtime/layer_norm_kernels.h"
#include "model/runtime/no_warnings.h"
#include "model/train/training_kernels.h"

namespace mneme {
namespace {

// addmm whose backward sums a bias gradient by ColumnSum.
struct Affine : torch::autograd::Function<Affine> {
  static at::Tensor forward(torch::autograd::AutogradContext* context,
                            const at::Tensor& bias, const at::Tensor& x,
                            const at::Tensor& weight) {
    context->save_for_backward({x, weight});
    at::AutoDispatchBelowADInplaceOrView below;
    return at::addmm(bias, x, weight);
  }
  static torch::autograd::variable_list backward(
      torch::autograd::AutogradContext* context,
      torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor dy = gradients[0].contiguous();
    return {ColumnSum(dy), at::mm(dy, saved[1].t()), at::mm(saved[0].t(), dy)};
  }
};

at::Tensor Addmm(const at::Tensor& bias, const at::Tensor& x,
                 const at::Tensor& weight, const at::Scalar& beta,
                 const at::Scalar& alpha) {
  if (bias.dim() != 1 || bias.size(0) != weight.size(1)) {
    return x.matmul(weight) * alpha + bias * beta;
  }
  const bool plain = beta.equal(1) && alpha.equal(1);
  return plain ? Affine::apply(bias, x, weight)
               : Affine::apply(bias * beta, x * alpha, weight);
}

}  // namespace

void UseTrainingKernels() {
  static torch::Library cuda(torch::Library::IMPL, "aten",
                             c10::DispatchKey::CUDA, __FILE__, __LINE__);
  static torch::Library autograd(torch::Library::IMPL, "aten",
                                 c10::DispatchKey::AutogradCUDA, __FILE__,
                                 __LINE__);
  static const bool once = [] {
    NoWarnings none;
    const c10::WarningUtils::WarningHandlerGuard guard(&none);
    cuda.impl("native_layer_norm", TORCH_FN(NativeLayerNorm));
    cuda.impl("native_layer_norm_backward", TORCH_FN(NativeLayerNormBackward));
    autograd.impl("addmm", TORCH_FN(Addmm));
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace mneme
