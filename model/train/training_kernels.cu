#include <ATen/ATen.h>
#include <ATen/ops/native_layer_norm_backward_native.h>
#include <ATen/ops/native_layer_norm_native.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAStream.h>
#include <c10/util/Exception.h>
#include <cuda_bf16.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <optional>
#include <tuple>

#include "model/train/training_kernels.h"

namespace mneme {
namespace {

constexpr int kWarp = 32;
constexpr int kWarps = 8;             // of a block; one row of the input each
constexpr int64_t kMostBlocks = 528;  // four for each of an H200's processors
constexpr int64_t kVector = 8;        // bfloat16 values in 16 bytes
constexpr int kColumnThreads = 512;

using Bf16Pair = __nv_bfloat162;

__device__ float WarpSum(float value) {
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    value += __shfl_xor_sync(0xffffffffu, value, offset);
  }
  return value;
}

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

template <typename T>
T* Data(const at::Tensor& tensor) {
  return reinterpret_cast<T*>(tensor.data_ptr());
}

cudaStream_t Stream() { return c10::cuda::getCurrentCUDAStream(); }

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

// The sum of the rows of a matrix.
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

constexpr std::array kLayerNorms = {LayerNorm<1>, LayerNorm<2>, LayerNorm<3>,
                                    LayerNorm<4>, LayerNorm<5>, LayerNorm<6>,
                                    LayerNorm<7>, LayerNorm<8>};
constexpr std::array kLayerNormBackwards = {
    LayerNormBackward<1>, LayerNormBackward<2>, LayerNormBackward<3>,
    LayerNormBackward<4>, LayerNormBackward<5>, LayerNormBackward<6>,
    LayerNormBackward<7>, LayerNormBackward<8>};

bool Suits(const at::Tensor& x, const std::optional<at::Tensor>& gamma,
           const std::optional<at::Tensor>& beta, size_t normalized) {
  const int64_t width = x.size(-1);
  return x.scalar_type() == at::kBFloat16 && normalized == 1 &&
         width % (2 * kWarp) == 0 &&
         width <= static_cast<int64_t>(kLayerNorms.size()) * 2 * kWarp &&
         gamma.has_value() && gamma->defined() && gamma->is_contiguous() &&
         gamma->scalar_type() == at::kBFloat16 && beta.has_value() &&
         beta->defined() && beta->is_contiguous() &&
         beta->scalar_type() == at::kBFloat16 && x.numel() > 0;
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> NativeLayerNorm(
    const at::Tensor& input, at::IntArrayRef shape,
    const std::optional<at::Tensor>& gamma,
    const std::optional<at::Tensor>& beta, double epsilon) {
  if (!Suits(input, gamma, beta, shape.size())) {
    return at::native::layer_norm_cuda(input, shape, gamma, beta, epsilon);
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
  if (!Suits(input, gamma, beta, shape.size()) || !mask[0] || !mask[1] ||
      !mask[2] || grad.scalar_type() != at::kBFloat16) {
    return at::native::layer_norm_backward_cuda(grad, input, shape, mean, rstd,
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

// Registering in the place of another kernel warns; here it is meant.
struct NoWarnings : c10::WarningHandler {
  void process(const c10::Warning&) override {}
};

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
