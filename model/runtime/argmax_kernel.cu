#include <ATen/ATen.h>
#include <ATen/ops/argmax_cuda_dispatch.h>
#include <c10/cuda/CUDAException.h>

#include "model/runtime/argmax_kernel.h"
#include "model/runtime/warp.h"

namespace mneme {
namespace {

constexpr int kWarps = 8;   // of a block, which takes one row
constexpr int kVector = 8;  // values of one 16-byte load

struct Best {
  float value;
  int index;
};

__device__ __forceinline__ bool Beats(const Best& a, const Best& b) {
  if (isnan(a.value) || isnan(b.value)) {
    return isnan(a.value) && (!isnan(b.value) || a.index < b.index);
  }
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

__device__ __forceinline__ void Take(const Best& candidate, Best* best) {
  if (Beats(candidate, *best)) *best = candidate;
}

// Take() of one that comes later in its row.
__device__ __forceinline__ void TakeLater(__nv_bfloat16 later, int index,
                                          Best* best) {
  const float value = __bfloat162float(later);
  if (!(value <= best->value) && !isnan(best->value)) *best = {value, index};
}

__device__ Best WarpBest(Best best) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    const Best other = {__shfl_xor_sync(0xffffffffu, best.value, offset),
                        __shfl_xor_sync(0xffffffffu, best.index, offset)};
    Take(other, &best);
  }
  return best;
}

// Rows of `columns` values, `stride` apart; both starts and strides are whole
// vectors.
__global__ void ArgmaxKernel(const __nv_bfloat16* x, int columns,
                             int64_t stride, int64_t* out) {
  __shared__ Best bests[kWarps];
  const __nv_bfloat16* row = x + blockIdx.x * stride;
  const int thread = threadIdx.y * kWarp + threadIdx.x;
  // Of a row that is all -inf, each thread's first.
  Best best = {-INFINITY,
               thread * kVector < columns ? thread * kVector : 0x7fffffff};
  const int vectors = columns / kVector;
#pragma unroll 4
  for (int i = thread; i < vectors; i += kWarps * kWarp) {
    const uint4 bits = reinterpret_cast<const uint4*>(row)[i];
    const auto* values = reinterpret_cast<const __nv_bfloat16*>(&bits);
#pragma unroll
    for (int j = 0; j < kVector; ++j) {
      TakeLater(values[j], i * kVector + j, &best);
    }
  }
  for (int i = vectors * kVector + thread; i < columns; i += kWarps * kWarp) {
    TakeLater(row[i], i, &best);
  }
  best = WarpBest(best);
  if (threadIdx.x == 0) bests[threadIdx.y] = best;
  __syncthreads();
  if (thread != 0) return;
  for (int i = 1; i < kWarps; ++i) Take(bests[i], &best);
  out[blockIdx.x] = best.index;
}

bool Suits(const at::Tensor& x, std::optional<int64_t> dim) {
  return x.is_cuda() && x.scalar_type() == at::kBFloat16 && x.dim() == 2 &&
         dim.has_value() && (*dim == -1 || *dim == 1) && x.size(0) > 0 &&
         x.size(1) > 0 && x.size(1) <= 0x7fffffff && x.stride(1) == 1 &&
         x.stride(0) % kVector == 0 &&
         reinterpret_cast<uintptr_t>(x.const_data_ptr()) % sizeof(uint4) == 0;
}

}  // namespace

at::Tensor Argmax(const at::Tensor& x, std::optional<int64_t> dim,
                  bool keepdim) {
  if (!Suits(x, dim)) return at::cuda::argmax(x, dim, keepdim);
  at::Tensor out = at::empty({x.size(0)}, x.options().dtype(at::kLong));
  ArgmaxKernel<<<static_cast<unsigned>(x.size(0)), dim3(kWarp, kWarps), 0,
                 Stream()>>>(Data<const __nv_bfloat16>(x),
                             static_cast<int>(x.size(1)), x.stride(0),
                             Data<int64_t>(out));
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return keepdim ? out.unsqueeze(1) : out;
}

}  // namespace mneme
