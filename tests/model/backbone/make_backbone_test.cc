#include "model/backbone/make_backbone.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <set>
#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

const Json kGpt2 = {{"model_type", "gpt2"}, {"n_layer", 2},  {"n_head", 2},
                    {"n_embd", 8},          {"n_inner", 12}, {"vocab_size", 11},
                    {"n_positions", 20}};
const Json kLlama = {
    {"model_type", "llama"},    {"num_hidden_layers", 2},
    {"num_attention_heads", 4}, {"num_key_value_heads", 2},
    {"hidden_size", 16},        {"intermediate_size", 12},
    {"vocab_size", 11},         {"max_position_embeddings", 20},
    {"attention_bias", true},   {"mlp_bias", true}};
const Json kNeox = {
    {"model_type", "gpt_neox"},      {"num_hidden_layers", 2},
    {"num_attention_heads", 2},      {"hidden_size", 16},
    {"intermediate_size", 12},       {"vocab_size", 11},
    {"max_position_embeddings", 20}, {"use_parallel_residual", false}};

WeightMap RandomWeights(const Json& config, at::ScalarType dtype) {
  WeightMap weights;
  const auto specs = BackboneParameters(config);
  EXPECT_THAT(specs, IsOk());
  if (!specs.ok()) return weights;
  for (const ParameterSpec& spec : *specs) {
    if (!spec.optional) weights[spec.name] = at::randn(spec.shape).to(dtype);
  }
  return weights;
}

// What every family promises.
class FamilyTest : public ::testing::TestWithParam<Json> {};

TEST_P(FamilyTest, ParameterNamesAreDistinct) {
  ASSERT_OK_AND_ASSIGN(const auto specs, BackboneParameters(GetParam()));
  std::set<std::string> names;
  for (const ParameterSpec& spec : specs) names.insert(spec.name);
  EXPECT_EQ(names.size(), specs.size());
}

TEST_P(FamilyTest, PackedRowsAreTheRowsAlone) {
  const WeightMap weights = RandomWeights(GetParam(), at::kFloat);
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(GetParam(), weights));
  const at::Tensor ids =
      at::tensor({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0}, at::kLong);
  const at::Tensor embedded = backbone->Embed(ids);
  const at::Tensor packed =
      backbone->Forward(embedded, PackedLayout::Of({4, 4, 1, 2}, at::kCPU));
  int64_t begin = 0;
  for (const int64_t length : {4, 4, 1, 2}) {
    const at::Tensor alone =
        backbone->Forward(embedded.narrow(0, begin, length),
                          PackedLayout::Of({length}, at::kCPU));
    EXPECT_TRUE(alone.allclose(packed.narrow(0, begin, length), 1e-4, 1e-5));
    begin += length;
  }
  EXPECT_EQ(backbone->Head(packed).size(1), backbone->vocab_size());
}

TEST_P(FamilyTest, WhatIsReadAloneIsWhatItIsAmongAll) {
  const WeightMap weights = RandomWeights(GetParam(), at::kFloat);
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(GetParam(), weights));
  const at::Tensor embedded = backbone->Embed(
      at::tensor({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0}, at::kLong));
  const auto expect_same = [&](const std::vector<int64_t>& lengths) {
    const auto all = PackedLayout::Of(lengths, at::kCPU);
    const auto some = PackedLayout::Of(lengths, at::kCPU, /*read=*/2);
    EXPECT_TRUE(some.TakeRead(backbone->Forward(embedded, all))
                    .allclose(backbone->Forward(embedded, some), 1e-4, 1e-5));
  };
  expect_same({11});
  expect_same({4, 3, 2, 2});
}

TEST_P(FamilyTest, TheFutureDoesNotChangeThePast) {
  const WeightMap weights = RandomWeights(GetParam(), at::kFloat);
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(GetParam(), weights));
  const auto layout = PackedLayout::Of({4}, at::kCPU);
  const at::Tensor a = backbone->Forward(
      backbone->Embed(at::tensor({1, 2, 3, 4}, at::kLong)), layout);
  const at::Tensor b = backbone->Forward(
      backbone->Embed(at::tensor({1, 2, 3, 9}, at::kLong)), layout);
  EXPECT_TRUE(a.narrow(0, 0, 3).allclose(b.narrow(0, 0, 3), 1e-4, 1e-5));
  EXPECT_FALSE(a.narrow(0, 3, 1).allclose(b.narrow(0, 3, 1), 1e-4, 1e-5));
}

TEST_P(FamilyTest, ComputesInTheDTypeOfItsWeights) {
  const WeightMap weights = RandomWeights(GetParam(), at::kBFloat16);
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(GetParam(), weights));
  const at::Tensor hidden =
      backbone->Forward(backbone->Embed(at::tensor({1, 2, 3}, at::kLong)),
                        PackedLayout::Of({2, 1}, at::kCPU));
  EXPECT_EQ(hidden.scalar_type(), at::kBFloat16);
  EXPECT_EQ(backbone->Head(hidden).scalar_type(), at::kBFloat16);
}

TEST_P(FamilyTest, EveryWeightGetsAGradient) {
  WeightMap weights = RandomWeights(GetParam(), at::kFloat);
  for (auto& [name, weight] : weights) weight.requires_grad_();
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(GetParam(), weights));
  const at::Tensor hidden =
      backbone->Forward(backbone->Embed(at::tensor({1, 2, 3, 4, 5}, at::kLong)),
                        PackedLayout::Of({3, 2}, at::kCPU));
  backbone->Head(hidden).square().sum().backward();
  for (const auto& [name, weight] : weights) {
    ASSERT_TRUE(weight.grad().defined()) << name;
    // Softmax does not see a constant added to all keys.
    if (name.find("k_proj.bias") != std::string::npos) continue;
    EXPECT_GT(weight.grad().abs().max().item<float>(), 0) << name;
  }
}

TEST_P(FamilyTest, WeightsThatDoNotFitAreNamed) {
  const WeightMap good = RandomWeights(GetParam(), at::kFloat);
  const std::string name = good.begin()->first;
  WeightMap missing = good, extra = good, misshapen = good, mixed = good;
  missing.erase(name);
  extra["surplus"] = at::randn({1});
  misshapen[name] = at::randn({2, 3, 4});
  mixed[name] = mixed[name].to(at::kDouble);
  EXPECT_THAT(MakeBackbone(GetParam(), missing),
              StatusIs(kInvalid, AllOf(HasSubstr(name), HasSubstr("missing"))));
  EXPECT_THAT(MakeBackbone(GetParam(), extra),
              StatusIs(kInvalid, HasSubstr("surplus")));
  EXPECT_THAT(
      MakeBackbone(GetParam(), misshapen),
      StatusIs(kInvalid, AllOf(HasSubstr(name), HasSubstr("[2, 3, 4]"))));
  EXPECT_THAT(MakeBackbone(GetParam(), mixed), StatusIs(kInvalid));
}

TEST_P(FamilyTest, UnknownFlagsAndActivationsAreNamed) {
  Json flag = GetParam();
  flag["use_flux_capacitor"] = true;
  EXPECT_THAT(BackboneParameters(flag),
              StatusIs(kInvalid, HasSubstr("use_flux_capacitor")));
  Json activation = GetParam();
  const char* key =
      activation["model_type"] == "gpt2" ? "activation_function" : "hidden_act";
  activation[key] = "snake";
  EXPECT_THAT(BackboneParameters(activation),
              StatusIs(kInvalid, AllOf(HasSubstr(key), HasSubstr("snake"))));
}

TEST_P(FamilyTest, ATiedHeadIsTheEmbedding) {
  Json config = GetParam();
  config["tie_word_embeddings"] = true;
  const WeightMap weights = RandomWeights(config, at::kFloat);
  EXPECT_EQ(weights.count("lm_head.weight"), 0u);
  ASSERT_OK_AND_ASSIGN(const auto backbone, MakeBackbone(config, weights));
  const at::Tensor one = backbone->Embed(at::tensor({3}, at::kLong));
  EXPECT_NEAR(backbone->Head(one)[0][3].item<float>(),
              one.square().sum().item<float>(), 1e-3);
  config["tie_word_embeddings"] = false;
  EXPECT_THAT(MakeBackbone(config, weights),
              StatusIs(kInvalid, HasSubstr("lm_head.weight")));
}

std::string FamilyName(const ::testing::TestParamInfo<Json>& family) {
  return family.param["model_type"].get<std::string>();
}

INSTANTIATE_TEST_SUITE_P(Families, FamilyTest,
                         ::testing::Values(kGpt2, kLlama, kNeox), FamilyName);

// What is hashed into fingerprints must outlive a reordered enumeration.
TEST(MakeBackboneTest, CanonicalTextNamesTheActivation) {
  for (const auto& [config, name] :
       {std::pair<Json, const char*>(kGpt2, "activation=gelu_tanh"),
        {kLlama, "activation=silu"},
        {kNeox, "activation=gelu"}}) {
    EXPECT_THAT(CanonicalBackbone(config), IsOkAndHolds(HasSubstr(name)));
  }
}

TEST(MakeBackboneTest, UnknownFamilyIsNamed) {
  for (const Json& config :
       {Json({{"model_type", "mamba"}}), Json::object(), Json(7)}) {
    EXPECT_THAT(BackboneParameters(config), StatusIs(kInvalid)) << config;
  }
  EXPECT_THAT(CanonicalBackbone({{"model_type", "mamba"}}),
              StatusIs(kInvalid, HasSubstr("mamba")));
}

TEST(MakeBackboneTest, HeadsThatDoNotDivideAreNamed) {
  Json gpt2 = kGpt2, llama = kLlama, neox = kNeox;
  gpt2["n_head"] = 3;
  llama["num_key_value_heads"] = 3;
  neox["num_attention_heads"] = 3;
  EXPECT_THAT(BackboneParameters(gpt2),
              StatusIs(kInvalid, HasSubstr("n_embd")));
  EXPECT_THAT(BackboneParameters(llama),
              StatusIs(kInvalid, HasSubstr("num_key_value_heads")));
  EXPECT_THAT(BackboneParameters(neox),
              StatusIs(kInvalid, HasSubstr("hidden_size")));
}

}  // namespace
}  // namespace mneme
