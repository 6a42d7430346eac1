#include <ATen/ATen.h>
#include <ATen/ops/native_layer_norm_backward_cuda_dispatch.h>
#include <ATen/ops/native_layer_norm_cuda_dispatch.h>
#include <c10/cuda/CUDAException.h>

#include <algorithm>
#include <vector>

#include "model/runtime/column_sum.h"
#include "model/runtime/layer_norm_kernels.h"
#include "model/runtime/warp.h"

namespace mneme {
namespace {

constexpr int kWarps = 8;  // of a block; one row of the input each

// Lane l holds the pairs l, l + 32, ... of a row of 64 * kPairs values.
template <int kPairs>
__device__ void LoadRow(const Bf16Pair* row, float2 (&values)[kPairs]) {
#pragma unroll
  for (int i = 0; i < kPairs; ++i) {
    values[i] = __bfloat1622float2(row[threadIdx.x + i * kWarp]);
  }
}

template <int kPairs>
__global__ void LayerNormKernel(const Bf16Pair* x, const Bf16Pair* gamma,
                                const Bf16Pair* beta, float epsilon,
                                int64_t rows, Bf16Pair* y, float* mean,
                                float* rstd) {
  constexpr int kRowPairs = kPairs * kWarp;
  constexpr float kScale = 1.0f / (2 * kRowPairs);
  float2 g[kPairs], b[kPairs], v[kPairs];
  LoadRow(gamma, g);
  LoadRow(beta, b);
  for (int64_t r = blockIdx.x * kWarps + threadIdx.y; r < rows;
       r += static_cast<int64_t>(gridDim.x) * kWarps) {
    LoadRow(x + r * kRowPairs, v);
    float sum = 0;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) sum += v[i].x + v[i].y;
    const float mu = WarpSum(sum) * kScale;
    float squares = 0;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      squares += (v[i].x - mu) * (v[i].x - mu) + (v[i].y - mu) * (v[i].y - mu);
    }
    const float inverse = rsqrtf(WarpSum(squares) * kScale + epsilon);
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      y[r * kRowPairs + threadIdx.x + i * kWarp] =
          __floats2bfloat162_rn((v[i].x - mu) * inverse * g[i].x + b[i].x,
                                (v[i].y - mu) * inverse * g[i].y + b[i].y);
    }
    if (threadIdx.x == 0) {
      mean[r] = mu;
      rstd[r] = inverse;
    }
  }
}

// Also leaves, for each block, its rows' part of the gradients of gamma (the
// first half of a row of `partials`) and beta (the second).
template <int kPairs>
__global__ void LayerNormBackwardKernel(const Bf16Pair* dy, const Bf16Pair* x,
                                        const Bf16Pair* gamma,
                                        const float* mean, const float* rstd,
                                        int64_t rows, Bf16Pair* dx,
                                        float* partials) {
  constexpr int kRowPairs = kPairs * kWarp;
  constexpr float kScale = 1.0f / (2 * kRowPairs);
  __shared__ float2 sums[2 * kRowPairs];
  float2 g[kPairs], d[kPairs], v[kPairs];
  float2 d_gamma[kPairs] = {}, d_beta[kPairs] = {};
  LoadRow(gamma, g);
  for (int64_t r = blockIdx.x * kWarps + threadIdx.y; r < rows;
       r += static_cast<int64_t>(gridDim.x) * kWarps) {
    LoadRow(dy + r * kRowPairs, d);
    LoadRow(x + r * kRowPairs, v);
    const float mu = mean[r], inverse = rstd[r];
    float sum = 0, dot = 0;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      v[i] = {(v[i].x - mu) * inverse, (v[i].y - mu) * inverse};
      d_gamma[i].x += d[i].x * v[i].x;
      d_gamma[i].y += d[i].y * v[i].y;
      d_beta[i].x += d[i].x;
      d_beta[i].y += d[i].y;
      d[i] = {d[i].x * g[i].x, d[i].y * g[i].y};
      sum += d[i].x + d[i].y;
      dot += d[i].x * v[i].x + d[i].y * v[i].y;
    }
    sum = WarpSum(sum) * kScale;
    dot = WarpSum(dot) * kScale;
#pragma unroll
    for (int i = 0; i < kPairs; ++i) {
      dx[r * kRowPairs + threadIdx.x + i * kWarp] =
          __floats2bfloat162_rn(inverse * (d[i].x - sum - v[i].x * dot),
                                inverse * (d[i].y - sum - v[i].y * dot));
    }
  }
  for (int warp = 0; warp < kWarps; ++warp) {
    if (threadIdx.y == warp) {
#pragma unroll
      for (int i = 0; i < kPairs; ++i) {
        const int at = threadIdx.x + i * kWarp;
        const float2 zero = {0, 0};
        const float2 a = warp == 0 ? zero : sums[at];
        const float2 b = warp == 0 ? zero : sums[kRowPairs + at];
        sums[at] = {a.x + d_gamma[i].x, a.y + d_gamma[i].y};
        sums[kRowPairs + at] = {b.x + d_beta[i].x, b.y + d_beta[i].y};
      }
    }
    __syncthreads();
  }
  float2* out =
      reinterpret_cast<float2*>(partials) + blockIdx.x * 2 * kRowPairs;
  for (int i = threadIdx.y * kWarp + threadIdx.x; i < 2 * kRowPairs;
       i += kWarps * kWarp) {
    out[i] = sums[i];
  }
}

int64_t Blocks(int64_t rows) {
  return std::max<int64_t>(1,
                           std::min(kMostBlocks, (rows + kWarps - 1) / kWarps));
}

template <int kPairs>
void LayerNorm(const at::Tensor& x, const at::Tensor& gamma,
               const at::Tensor& beta, double epsilon, const at::Tensor& y,
               const at::Tensor& mean, const at::Tensor& rstd) {
  const int64_t rows = mean.numel();
  LayerNormKernel<kPairs><<<static_cast<unsigned>(Blocks(rows)),
                            dim3(kWarp, kWarps), 0, Stream()>>>(
      Data<const Bf16Pair>(x), Data<const Bf16Pair>(gamma),
      Data<const Bf16Pair>(beta), static_cast<float>(epsilon), rows,
      Data<Bf16Pair>(y), Data<float>(mean), Data<float>(rstd));
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

template <int kPairs>
void LayerNormBackward(const at::Tensor& dy, const at::Tensor& x,
                       const at::Tensor& gamma, const at::Tensor& mean,
                       const at::Tensor& rstd, const at::Tensor& dx,
                       const at::Tensor& partials) {
  LayerNormBackwardKernel<kPairs>
      <<<static_cast<unsigned>(partials.size(0)), dim3(kWarp, kWarps), 0,
         Stream()>>>(Data<const Bf16Pair>(dy), Data<const Bf16Pair>(x),
                     Data<const Bf16Pair>(gamma), Data<const float>(mean),
                     Data<const float>(rstd), mean.numel(), Data<Bf16Pair>(dx),
                     Data<float>(partials));
  C10_CUDA_KERNEL_LAUNCH_CHECK();
}

// By width: 64, 128, ... 1024.
constexpr std::array kLayerNorms = {
    LayerNorm<1>,  LayerNorm<2>,  LayerNorm<3>,  LayerNorm<4>,
    LayerNorm<5>,  LayerNorm<6>,  LayerNorm<7>,  LayerNorm<8>,
    LayerNorm<9>,  LayerNorm<10>, LayerNorm<11>, LayerNorm<12>,
    LayerNorm<13>, LayerNorm<14>, LayerNorm<15>, LayerNorm<16>};
constexpr std::array kLayerNormBackwards = {
    LayerNormBackward<1>, LayerNormBackward<2>, LayerNormBackward<3>,
    LayerNormBackward<4>, LayerNormBackward<5>, LayerNormBackward<6>,
    LayerNormBackward<7>, LayerNormBackward<8>};

// One value for each column of x, where x is.
bool FitsColumns(const std::optional<at::Tensor>& parameter,
                 const at::Tensor& x) {
  return parameter.has_value() && parameter->defined() &&
         parameter->is_contiguous() &&
         parameter->scalar_type() == at::kBFloat16 &&
         parameter->numel() == x.size(-1) && parameter->device() == x.device();
}

// `kernels`: how many widths there is a kernel for.
bool Suits(const at::Tensor& x, const std::optional<at::Tensor>& gamma,
           const std::optional<at::Tensor>& beta, at::IntArrayRef shape,
           size_t kernels) {
  if (!x.is_cuda() || x.scalar_type() != at::kBFloat16 || x.numel() == 0 ||
      x.dim() == 0 || shape.size() != 1 || shape[0] != x.size(-1)) {
    return false;
  }
  const int64_t width = x.size(-1);
  return width % (2 * kWarp) == 0 &&
         width <= static_cast<int64_t>(kernels) * 2 * kWarp &&
         FitsColumns(gamma, x) && FitsColumns(beta, x);
}

}  // namespace

std::tuple<at::Tensor, at::Tensor, at::Tensor> NativeLayerNorm(
    const at::Tensor& input, at::IntArrayRef shape,
    const std::optional<at::Tensor>& gamma,
    const std::optional<at::Tensor>& beta, double epsilon) {
  if (!Suits(input, gamma, beta, shape, kLayerNorms.size())) {
    return at::cuda::native_layer_norm(input, shape, gamma, beta, epsilon);
  }
  const at::Tensor x = input.contiguous();
  const at::Tensor y = at::empty_like(x);
  std::vector<int64_t> sizes = x.sizes().vec();
  sizes.back() = 1;
  const at::Tensor mean = at::empty(sizes, x.options().dtype(at::kFloat));
  const at::Tensor rstd = at::empty_like(mean);
  kLayerNorms[static_cast<size_t>(x.size(-1) / (2 * kWarp) - 1)](
      x, *gamma, *beta, epsilon, y, mean, rstd);
  return {y, mean, rstd};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> NativeLayerNormBackward(
    const at::Tensor& grad, const at::Tensor& input, at::IntArrayRef shape,
    const at::Tensor& mean, const at::Tensor& rstd,
    const std::optional<at::Tensor>& gamma,
    const std::optional<at::Tensor>& beta, std::array<bool, 3> mask) {
  if (!Suits(input, gamma, beta, shape, kLayerNormBackwards.size()) ||
      !mask[0] || !mask[1] || !mask[2] || grad.scalar_type() != at::kBFloat16 ||
      grad.device() != input.device() || grad.sizes() != input.sizes()) {
    return at::cuda::native_layer_norm_backward(grad, input, shape, mean, rstd,
                                                gamma, beta, mask);
  }
  const at::Tensor x = input.contiguous();
  const at::Tensor dx = at::empty_like(x);
  const int64_t width = x.size(-1);
  const at::Tensor partials = at::empty({Blocks(mean.numel()), 2 * width},
                                        x.options().dtype(at::kFloat));
  kLayerNormBackwards[static_cast<size_t>(width / (2 * kWarp) - 1)](
      grad.contiguous(), x, *gamma, mean.contiguous(), rstd.contiguous(), dx,
      partials);
  const at::Tensor affine = FinishColumns(partials);
  return {dx, affine.narrow(0, 0, width), affine.narrow(0, width, width)};
}

}  // namespace mneme
