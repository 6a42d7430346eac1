#include <ATen/ATen.h>
#include <c10/cuda/CUDAException.h>

#include <algorithm>

#include "model/runtime/column_sum.h"
#include "model/runtime/warp.h"

namespace mneme {
namespace {

constexpr int64_t kVector = 8;  // bfloat16 values in 16 bytes
constexpr int kColumnThreads = 512;

// Each block sums some rows of [rows, 8 * vectors]; threads of a group hold one
// 16-byte vector of the columns each.
__global__ void ColumnSumKernel(const uint4* x, int64_t rows, int vectors,
                                float* partials) {
  extern __shared__ float sums[];  // [groups][vectors * 8]
  const int groups = blockDim.x / vectors;
  const int group = threadIdx.x / vectors, vector = threadIdx.x % vectors;
  float total[kVector] = {};
  for (int64_t r = blockIdx.x * groups + group; r < rows;
       r += static_cast<int64_t>(gridDim.x) * groups) {
    const uint4 bits = x[r * vectors + vector];
    const Bf16Pair* pairs = reinterpret_cast<const Bf16Pair*>(&bits);
#pragma unroll
    for (int i = 0; i < kVector / 2; ++i) {
      const float2 value = __bfloat1622float2(pairs[i]);
      total[2 * i] += value.x;
      total[2 * i + 1] += value.y;
    }
  }
#pragma unroll
  for (int i = 0; i < kVector; ++i) sums[threadIdx.x * kVector + i] = total[i];
  __syncthreads();
  const int columns = vectors * kVector;
  for (int c = threadIdx.x; c < columns; c += blockDim.x) {
    float sum = 0;
    for (int g = 0; g < groups; ++g) sum += sums[g * columns + c];
    partials[static_cast<int64_t>(blockIdx.x) * columns + c] = sum;
  }
}

// [parts, columns] float -> [columns] bfloat16.
__global__ void FinishColumnsKernel(const float* partials, int parts,
                                    int columns, __nv_bfloat16* out) {
  __shared__ float sums[kWarp][kWarp + 1];
  const int column = blockIdx.x * kWarp + threadIdx.x;
  float sum = 0;
  for (int p = threadIdx.y; p < parts && column < columns; p += kWarp) {
    sum += partials[static_cast<int64_t>(p) * columns + column];
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  const float total = WarpSum(sums[threadIdx.x][threadIdx.y]);
  const int result = blockIdx.x * kWarp + threadIdx.y;
  if (threadIdx.x == 0 && result < columns)
    out[result] = __float2bfloat16(total);
}

}  // namespace

at::Tensor FinishColumns(const at::Tensor& partials) {
  const auto columns = static_cast<int>(partials.size(1));
  const at::Tensor out =
      at::empty({columns}, partials.options().dtype(at::kBFloat16));
  FinishColumnsKernel<<<(columns + kWarp - 1) / kWarp, dim3(kWarp, kWarp), 0,
                        Stream()>>>(Data<const float>(partials),
                                    static_cast<int>(partials.size(0)), columns,
                                    Data<__nv_bfloat16>(out));
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return out;
}

at::Tensor ColumnSum(const at::Tensor& x) {
  const int64_t columns = x.size(1);
  if (x.scalar_type() != at::kBFloat16 || !x.is_contiguous() ||
      columns % kVector != 0 || columns > kColumnThreads * kVector) {
    return x.sum(0);
  }
  const auto vectors = static_cast<int>(columns / kVector);
  const int threads = vectors * (kColumnThreads / vectors);
  const int64_t blocks =
      std::min(kMostBlocks, (x.size(0) * vectors + threads - 1) / threads);
  const at::Tensor partials = at::empty({std::max<int64_t>(1, blocks), columns},
                                        x.options().dtype(at::kFloat));
  ColumnSumKernel<<<static_cast<unsigned>(partials.size(0)), threads,
                    threads * kVector * sizeof(float), Stream()>>>(
      Data<const uint4>(x), x.size(0), vectors, Data<float>(partials));
  C10_CUDA_KERNEL_LAUNCH_CHECK();
  return FinishColumns(partials);
}

}  // namespace mneme
