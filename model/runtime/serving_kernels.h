#ifndef MNEME_MODEL_RUNTIME_SERVING_KERNELS_H_
#define MNEME_MODEL_RUNTIME_SERVING_KERNELS_H_

namespace mneme {

// Puts faster CUDA kernels in the place of LibTorch's, for the whole process,
// for what serving spends its time on beside matrix products: layer norm
// (bfloat16, widths that are a multiple of 64 up to 1024) and the argmax of
// logits (bfloat16, over the last dimension). Models call the same operators as
// before; other inputs go to LibTorch's kernels.
//
// Measured on an H200 before: layer norm of [34816, 768] 84 us, argmax of
// [32768, 50257] 1,936 us (bound by memory: 25 and 780 us).
//
// May be called often, from any thread; does nothing in builds without CUDA.
void UseServingKernels();

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_SERVING_KERNELS_H_
