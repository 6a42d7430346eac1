#ifndef MNEME_MODEL_RUNTIME_WARP_H_
#define MNEME_MODEL_RUNTIME_WARP_H_

// What the CUDA kernels share. Private to .cu files.

#include <ATen/core/Tensor.h>
#include <c10/cuda/CUDAStream.h>
#include <cuda_bf16.h>

#include <cstdint>

namespace mneme {

constexpr int kWarp = 32;
constexpr int64_t kMostBlocks = 528;  // four for each of an H200's processors

using Bf16Pair = __nv_bfloat162;

// The sum over the lanes of a warp, in each of them.
static __forceinline__ __device__ float WarpSum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}

template <typename T>
T* Data(const at::Tensor& tensor) {
  return reinterpret_cast<T*>(tensor.data_ptr());
}

inline cudaStream_t Stream() { return c10::cuda::getCurrentCUDAStream(); }

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_WARP_H_
