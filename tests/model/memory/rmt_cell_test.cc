#include "model/memory/rmt_cell.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/randint.h>
#include <ATen/ops/randn.h>

#include <cmath>
#include <memory>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/backbone/make_backbone.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

constexpr int64_t kWidth = 8, kMemory = 2, kVocab = 11;

class RmtCellTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const nlohmann::json config = {{"model_type", "gpt2"}, {"n_layer", 2},
                                   {"n_head", 2},          {"n_embd", kWidth},
                                   {"vocab_size", kVocab}, {"n_positions", 20}};
    WeightMap weights;
    ASSERT_OK_AND_ASSIGN(const auto specs, BackboneParameters(config));
    for (const ParameterSpec& spec : specs) {
      if (!spec.optional) {
        weights[spec.name] = at::randn(spec.shape, at::kDouble) * 0.3;
      }
    }
    ASSERT_OK_AND_ASSIGN(backbone_, MakeBackbone(config, weights));
  }

  RmtOutput Step(const std::vector<int64_t>& lengths, const at::Tensor& ids,
                 const at::Tensor& memory, int64_t num_memory = kMemory) {
    return RmtStep(*backbone_, ids,
                   RmtLayout::Of(lengths, num_memory, at::kCPU), memory);
  }

  std::unique_ptr<Backbone> backbone_;
};

TEST_F(RmtCellTest, MixedLengthsAreTheRowsAlone) {
  const at::Tensor ids = at::randint(kVocab, {12}, at::kLong);
  const at::Tensor memory = at::randn({4, kMemory, kWidth}, at::kDouble);
  const std::vector<int64_t> lengths = {5, 5, 1, 1};
  const RmtOutput all = Step(lengths, ids, memory);
  ASSERT_EQ(all.hidden.sizes(), at::IntArrayRef({12, kWidth}));
  ASSERT_EQ(all.memory.sizes(), at::IntArrayRef({4, kMemory, kWidth}));
  int64_t begin = 0;
  for (int64_t row = 0; row < 4; ++row) {
    const int64_t length = lengths[static_cast<size_t>(row)];
    const RmtOutput one =
        Step({length}, ids.narrow(0, begin, length), memory.narrow(0, row, 1));
    EXPECT_TRUE(one.hidden.allclose(all.hidden.narrow(0, begin, length)));
    EXPECT_TRUE(one.memory.allclose(all.memory.narrow(0, row, 1)));
    begin += length;
  }
}

TEST_F(RmtCellTest, WhatIsReadAloneIsWhatItIsAmongAll) {
  const at::Tensor ids = at::randint(kVocab, {12}, at::kLong);
  const at::Tensor memory = at::randn({3, kMemory, kWidth}, at::kDouble);
  for (const std::vector<int64_t>& lengths :
       {std::vector<int64_t>{4, 4, 4}, {6, 4, 2}}) {
    const RmtOutput all = Step(lengths, ids, memory);
    const RmtOutput some =
        RmtStep(*backbone_, ids,
                RmtLayout::Of(lengths, kMemory, at::kCPU, /*read=*/2), memory);
    EXPECT_TRUE(some.memory.allclose(all.memory));
    ASSERT_EQ(some.hidden.sizes(), at::IntArrayRef({6, kWidth}));
    int64_t end = 0;
    for (int64_t row = 0; row < 3; ++row) {
      end += lengths[static_cast<size_t>(row)];
      EXPECT_TRUE(some.hidden.narrow(0, 2 * row, 2)
                      .allclose(all.hidden.narrow(0, end - 2, 2)));
    }
  }
}

TEST_F(RmtCellTest, WithoutMemoryItIsTheBackbone) {
  const at::Tensor ids = at::randint(kVocab, {7}, at::kLong);
  const RmtOutput out = Step({4, 3}, ids, at::Tensor(), 0);
  EXPECT_FALSE(out.memory.defined());
  EXPECT_TRUE(out.hidden.equal(backbone_->Forward(
      backbone_->Embed(ids), PackedLayout::Of({4, 3}, at::kCPU))));
}

TEST_F(RmtCellTest, MemoryIsReadByEveryTokenAndWrittenFromAll) {
  const at::Tensor ids = at::randint(kVocab - 1, {4}, at::kLong);
  const at::Tensor memory = at::randn({1, kMemory, kWidth}, at::kDouble);
  const RmtOutput base = Step({4}, ids, memory);
  const RmtOutput other = Step({4}, ids, memory + 1.0 * at::randn_like(memory));
  for (int64_t i = 0; i < 4; ++i) {
    EXPECT_FALSE(base.hidden[i].allclose(other.hidden[i]));
  }
  at::Tensor changed = ids.clone();
  changed[3] = kVocab - 1;
  const RmtOutput last = Step({4}, changed, memory);
  EXPECT_TRUE(
      base.hidden.narrow(0, 0, 3).allclose(last.hidden.narrow(0, 0, 3)));
  EXPECT_FALSE(base.memory.allclose(last.memory));
}

TEST_F(RmtCellTest, GradientThroughTwoSegmentsIsTheFiniteDifference) {
  const at::Tensor ids = at::randint(kVocab, {2, 6}, at::kLong);
  const at::Tensor direction = at::randn({2, kMemory, kWidth}, at::kDouble);
  at::Tensor memory = at::randn({2, kMemory, kWidth}, at::kDouble);
  const auto loss = [&](const at::Tensor& start) {
    at::Tensor carried = start;
    for (int64_t segment = 0; segment < 2; ++segment) {
      carried = Step({3, 3}, ids[segment], carried).memory;
    }
    return (carried * carried * carried).sum();
  };
  memory.requires_grad_();
  loss(memory).backward();
  const double analytic = (memory.grad() * direction).sum().item<double>();
  const at::Tensor at_point = memory.detach();
  const double h = 1e-5;
  const double numeric = (loss(at_point + h * direction).item<double>() -
                          loss(at_point - h * direction).item<double>()) /
                         (2 * h);
  EXPECT_NE(analytic, 0);
  EXPECT_NEAR(analytic, numeric, 1e-5 * std::abs(numeric) + 1e-7);
}

}  // namespace
}  // namespace mneme
