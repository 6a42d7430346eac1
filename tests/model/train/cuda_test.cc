// What only a CUDA device can show. Skipped, and said so, where there is none.

#include <ATen/ATen.h>

#include <cmath>
#include <memory>
#include <vector>

#include "gtest/gtest.h"
#include "model/runtime/device_streams.h"
#include "model/train/lm_trainer.h"
#include "model/train/training_kernels.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

class CudaTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!at::hasCUDA()) GTEST_SKIP() << "no CUDA device: nothing tested here";
    UseTrainingKernels();
  }
};

// |a - b| / |b|, both taken to float64.
double Error(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.cpu().to(at::kDouble), y = b.cpu().to(at::kDouble);
  return (x - y).norm().item<double>() / y.norm().item<double>();
}

// What bfloat16 inputs give, in float64 on the CPU and as computed on CUDA.
struct Pair {
  explicit Pair(const at::Tensor& values)
      : cuda(values.to(at::kCUDA, at::kBFloat16).detach()),
        exact(cuda.cpu().to(at::kDouble).detach()) {
    cuda.requires_grad_(true);
    exact.requires_grad_(true);
  }
  at::Tensor cuda, exact;
};

TEST_F(CudaTest, LayerNormAndItsGradientsAgreeWithFloat64) {
  for (const int64_t width : {64, 320, 512, 96}) {
    Pair x(at::randn({1003, width}) * 2 + 1), gamma(at::randn({width})),
        beta(at::randn({width})), weight(at::randn({1003, width}));
    const at::Tensor y =
        at::layer_norm(x.cuda, {width}, gamma.cuda, beta.cuda, 1e-5);
    const at::Tensor exact =
        at::layer_norm(x.exact, {width}, gamma.exact, beta.exact, 1e-5);
    EXPECT_LT(Error(y, exact), 4e-3) << width;
    (y * weight.cuda.detach()).sum().backward();
    (exact * weight.exact.detach()).sum().backward();
    EXPECT_LT(Error(x.cuda.grad(), x.exact.grad()), 1e-2) << width;
    EXPECT_LT(Error(gamma.cuda.grad(), gamma.exact.grad()), 1e-2) << width;
    EXPECT_LT(Error(beta.cuda.grad(), beta.exact.grad()), 1e-2) << width;
  }
}

TEST_F(CudaTest, AffineGradientsAgreeWithFloat64) {
  for (const int64_t out : {8, 320, 960, 1280, 4096, 36}) {
    Pair x(at::randn({517, 64})), w(at::randn({64, out})), b(at::randn({out})),
        weight(at::randn({517, out}));
    (at::addmm(b.cuda, x.cuda, w.cuda) * weight.cuda.detach()).sum().backward();
    (at::addmm(b.exact, x.exact, w.exact) * weight.exact.detach())
        .sum()
        .backward();
    EXPECT_LT(Error(b.cuda.grad(), b.exact.grad()), 1e-2) << out;
    EXPECT_LT(Error(x.cuda.grad(), x.exact.grad()), 1e-2) << out;
    EXPECT_LT(Error(w.cuda.grad(), w.exact.grad()), 1e-2) << out;
  }
}

TEST_F(CudaTest, LayerNormLeavesParametersThatDoNotFitToLibTorch) {
  const at::TensorOptions options =
      at::TensorOptions(at::kCUDA).dtype(at::kBFloat16);
  const at::Tensor x = at::ones({8, 320}, options);
  const at::Tensor good = at::ones({320}, options);
  for (const at::Tensor& bad : {at::ones({64}, options), good.cpu()}) {
    EXPECT_THROW(at::native_layer_norm(x, {320}, bad, good, 1e-5), c10::Error);
    EXPECT_THROW(at::native_layer_norm(x, {320}, good, bad, 1e-5), c10::Error);
  }
  EXPECT_THROW(at::native_layer_norm(x, {64}, good, good, 1e-5), c10::Error);
}

LmOptions Tiny(bool graphs) {
  LmOptions options;
  options.model.layers = 2;
  options.model.width = 64;
  options.model.heads = 2;
  options.model.memory = 4;
  options.model.segment = 16;
  options.streams = 8;
  options.bptt = "2:0.5,3:0.5";
  options.device = "cuda";
  options.graphs = graphs;
  return options;
}

std::vector<double> Losses(const LmOptions& options, const Corpus& corpus) {
  const DeviceStreams streams{at::Device(options.device)};
  const DeviceStreams::Scope scope(streams);
  auto trainer = LmTrainer::Create(options, corpus);
  EXPECT_THAT(trainer, IsOk());
  std::vector<double> losses;
  for (int i = 0; i < 20; ++i) {
    (*trainer)->Update(i / 20.0);
    losses.push_back((*trainer)->ReadProgress().loss);
  }
  return losses;
}

TEST_F(CudaTest, GraphsGiveTheLossesOfEagerUpdates) {
  const TempFolder folder;
  std::string text;
  for (int i = 0; i < 4000; ++i) text += static_cast<char>('a' + i * i % 17);
  ASSERT_OK_AND_ASSIGN(const Corpus corpus,
                       Corpus::Load(folder.Write("text", text), {0, 0, 0}, ""));
  const std::vector<double> eager = Losses(Tiny(false), corpus);
  const std::vector<double> graphs = Losses(Tiny(true), corpus);
  for (size_t i = 0; i < eager.size(); ++i) {
    EXPECT_NEAR(graphs[i], eager[i], 0.02 * eager[i]) << i;
  }
  EXPECT_LT(graphs.back(), graphs.front());
}

}  // namespace
}  // namespace mneme
