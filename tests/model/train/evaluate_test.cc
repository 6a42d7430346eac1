#include "model/train/evaluate.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/memory/rmt_cell.h"
#include "tests/model/train/tiny_model.h"

namespace mneme {
namespace {

constexpr int64_t kSegment = 4;

at::Tensor Text(int64_t size) {
  at::Generator generator = at::detail::createCPUGenerator(3);
  return at::randint(0, 256, {size}, generator, at::kLong).to(at::kByte);
}

// Bits of one stream, byte by byte, each from the softmax before it.
double BitsByHand(const TinyModel& model, const at::Tensor& text, bool reset) {
  at::NoGradGuard no_grad;
  const int64_t m = model.parameters->memory().defined()
                        ? model.parameters->memory().size(0)
                        : 0;
  at::Tensor initial, memory, before;
  if (m > 0) initial = memory = model.parameters->memory().unsqueeze(0);
  double bits = 0;
  for (int64_t begin = 0; begin < text.size(0); begin += kSegment) {
    const int64_t size = std::min(kSegment, text.size(0) - begin);
    const RmtOutput out =
        RmtStep(*model.backbone, text.narrow(0, begin, size).to(at::kLong),
                RmtLayout::Of({size}, m, at::kCPU), reset ? initial : memory);
    const at::Tensor p =
        at::softmax(model.backbone->Head(out.hidden).to(at::kDouble), -1);
    for (int64_t i = 0; i < size; ++i) {
      const auto byte = text[begin + i].item<int64_t>();
      if (before.defined()) bits -= std::log2(before[byte].item<double>());
      before = p[i];
    }
    memory = out.memory;
  }
  return bits;
}

class EvaluateTest : public ::testing::TestWithParam<bool> {};

TEST_P(EvaluateTest, EqualsAComputationByHand) {
  const TinyModel model(TinyShape(3, kSegment));
  const at::Tensor text = Text(37);
  const EvalResult result =
      Evaluate(*model.backbone, model.parameters->memory(), text,
               {.streams = 2, .segment = kSegment, .reset = GetParam()});
  const double bits = BitsByHand(model, text.narrow(0, 0, 18), GetParam()) +
                      BitsByHand(model, text.narrow(0, 18, 18), GetParam());
  EXPECT_EQ(result.scored, 34);
  EXPECT_NEAR(result.bits_per_byte, bits / 34, 1e-4);
}

INSTANTIATE_TEST_SUITE_P(CarryAndReset, EvaluateTest, ::testing::Bool());

TEST(EvaluateTest, CarryAndResetDifferOnlyWithMemory) {
  const at::Tensor text = Text(40);
  for (const int64_t m : {0, 3}) {
    const TinyModel model(TinyShape(m, kSegment));
    const auto bits = [&](bool reset) {
      return Evaluate(*model.backbone, model.parameters->memory(), text,
                      {.streams = 1, .segment = kSegment, .reset = reset})
          .bits_per_byte;
    };
    EXPECT_EQ(bits(false) == bits(true), m == 0);
  }
}

TEST(EvaluateTest, ATextIsReadInFewerStreamsWhereTheyWouldBeTooShort) {
  const TinyModel model(TinyShape(3, kSegment));
  const std::string text = RecallText(2).substr(0, 11);
  const auto score = [&](int64_t streams) {
    return EvaluateText(*model.backbone, model.parameters->memory(), text,
                        at::kCPU, {.streams = streams, .segment = kSegment});
  };
  EXPECT_EQ(score(1).scored, 10);
  EXPECT_EQ(score(2).scored, 8);
  EXPECT_EQ(score(64).bits_per_byte, score(2).bits_per_byte);
  EXPECT_EQ(EvaluateText(*model.backbone, model.parameters->memory(), "",
                         at::kCPU, {.streams = 4, .segment = kSegment})
                .scored,
            0);
}

TEST(EvaluateTest, AStreamOfOneByteHasNothingToScore) {
  const TinyModel model(TinyShape(3, kSegment));
  const EvalResult result =
      Evaluate(*model.backbone, model.parameters->memory(), Text(1),
               {.streams = 1, .segment = kSegment});
  EXPECT_EQ(result.scored, 0);
  EXPECT_EQ(result.bits_per_byte, 0.0);
}

}  // namespace
}  // namespace mneme
