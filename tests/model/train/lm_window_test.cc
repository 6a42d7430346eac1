#include "model/train/lm_window.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/train/tiny_model.h"

namespace mneme {
namespace {

constexpr int64_t kStreams = 2;
constexpr int64_t kSegment = 4;
constexpr int64_t kMemory = 3;

class LmWindowTest : public ::testing::Test {
 protected:
  at::Tensor Ids(int64_t segments) const {
    at::Generator generator = at::detail::createCPUGenerator(5);
    return at::randint(0, 256, {kStreams, segments * kSegment + 1}, generator,
                       at::kLong);
  }
  at::Tensor Memory() const {
    return model_.parameters->memory().unsqueeze(0).expand({kStreams, -1, -1});
  }
  LmWindow Run(const at::Tensor& ids, const at::Tensor& memory) const {
    return RunLmWindow(*model_.backbone, layout_, ids, memory);
  }
  // The loss when the initial memory is moved by `change`.
  double LossWith(const at::Tensor& ids, const at::Tensor& change) const {
    const at::NoGradGuard no_grad;
    const at::Tensor memory = model_.parameters->memory() + change;
    return Run(ids, memory.unsqueeze(0).expand({kStreams, -1, -1}))
        .loss.item<double>();
  }

  const TinyModel model_{TinyShape(kMemory, kSegment)};
  const RmtLayout layout_ = RmtLayout::Of(
      std::vector<int64_t>(kStreams, kSegment), kMemory, at::kCPU);
};

TEST_F(LmWindowTest, TheGradientThroughTheMemoryIsThatOfFiniteDifferences) {
  const at::Tensor ids = Ids(3);
  const at::Tensor gradient = torch::autograd::grad(
      {Run(ids, Memory()).loss}, {model_.parameters->memory()})[0];
  const double steepness = gradient.norm().item<double>();
  const at::Tensor step = gradient * (0.02 / steepness);
  const double rise = LossWith(ids, step) - LossWith(ids, -step);
  EXPECT_GT(steepness, 1e-3);
  EXPECT_NEAR(rise / 0.04, steepness, 0.02 * steepness);
}

TEST_F(LmWindowTest, ALaterSegmentsLossReachesTheFirstMemory) {
  const at::Tensor ids = Ids(3);
  const LmWindow first = Run(ids.narrow(1, 0, 2 * kSegment + 1), Memory());
  const LmWindow last =
      Run(ids.narrow(1, 2 * kSegment, kSegment + 1), first.memory);
  const at::Tensor gradient =
      torch::autograd::grad({last.loss}, {model_.parameters->memory()})[0];
  EXPECT_GT(gradient.abs().max().item<double>(), 1e-6);
}

TEST_F(LmWindowTest, ADetachedMemoryCutsTheGradient) {
  const at::Tensor ids = Ids(2);
  const LmWindow first = Run(ids.narrow(1, 0, kSegment + 1), Memory());
  const LmWindow last =
      Run(ids.narrow(1, kSegment, kSegment + 1), first.memory.detach());
  const auto gradient = torch::autograd::grad(
      {last.loss}, {model_.parameters->memory()}, {}, std::nullopt,
      /*create_graph=*/false, /*allow_unused=*/true);
  EXPECT_FALSE(gradient[0].defined());
}

TEST_F(LmWindowTest, AWindowIsItsSegmentsOneByOne) {
  const at::Tensor ids = Ids(3);
  const LmWindow whole = Run(ids, Memory());
  at::Tensor memory = Memory();
  double sum = 0;
  for (int64_t i = 0; i < 3; ++i) {
    const LmWindow part =
        Run(ids.narrow(1, i * kSegment, kSegment + 1), memory);
    memory = part.memory;
    sum += part.loss.item<double>();
  }
  EXPECT_NEAR(whole.loss.item<double>(), sum / 3, 1e-5);
  EXPECT_TRUE(at::allclose(whole.memory, memory, 1e-5, 1e-6));
}

TEST_F(LmWindowTest, TheLossIsTheMeanSurpriseOfTheNextByte) {
  const at::Tensor ids = Ids(1);
  const RmtOutput out =
      RmtStep(*model_.backbone, ids.narrow(1, 0, kSegment).reshape({-1}),
              layout_, Memory());
  const at::Tensor p =
      at::softmax(model_.backbone->Head(out.hidden).to(at::kDouble), -1);
  double sum = 0;
  for (int64_t s = 0; s < kStreams; ++s) {
    for (int64_t i = 0; i < kSegment; ++i) {
      const int64_t next = ids[s][i + 1].item<int64_t>();
      sum -= std::log(p[s * kSegment + i][next].item<double>());
    }
  }
  EXPECT_NEAR(Run(ids, Memory()).loss.item<double>(),
              sum / (kStreams * kSegment), 1e-5);
}

TEST(TextTensorTest, CopiesTheBytes) {
  std::string text = std::string("a\0\xff", 3);
  const at::Tensor tensor = TextTensor(text, at::kCPU);
  text[0] = 'b';
  EXPECT_TRUE(at::equal(tensor, at::tensor({97, 0, 255}, at::kByte)));
}

TEST(ReadRingTest, WrapsAtTheEndOfTheText) {
  const at::Tensor text = at::arange(10, at::kByte);
  const at::Tensor ids =
      ReadRing(text, at::tensor({int64_t{2}, int64_t{8}}), 4);
  EXPECT_TRUE(at::equal(
      ids, at::tensor({2, 3, 4, 5, 8, 9, 0, 1}, at::kLong).view({2, 4})));
}

}  // namespace
}  // namespace mneme
