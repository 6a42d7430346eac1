#include <torch/library.h>

#include "model/runtime/argmax_kernel.h"
#include "model/runtime/layer_norm_kernels.h"
#include "model/runtime/no_warnings.h"
#include "model/runtime/serving_kernels.h"

namespace mneme {
void UseServingKernels() {
  static torch::Library cuda(torch::Library::IMPL, "aten",
                             c10::DispatchKey::CUDA, __FILE__, __LINE__);
  static const bool once = [] {
    NoWarnings none;
    const c10::WarningUtils::WarningHandlerGuard guard(&none);
    cuda.impl("native_layer_norm", TORCH_FN(NativeLayerNorm));
    cuda.impl("argmax", TORCH_FN(Argmax));
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace mneme
