#include "model/backbone/rope.h"

#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>

#include <string>
#include <utility>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/backbone/make_backbone.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using Json = nlohmann::json;

constexpr absl::StatusCode kInvalid = absl::StatusCode::kInvalidArgument;

const Json kLlama = {
    {"model_type", "llama"},    {"num_hidden_layers", 2},
    {"num_attention_heads", 4}, {"num_key_value_heads", 2},
    {"hidden_size", 16},        {"intermediate_size", 12},
    {"vocab_size", 11},         {"max_position_embeddings", 20}};
const Json kNeox = {{"model_type", "gpt_neox"},      {"num_hidden_layers", 2},
                    {"num_attention_heads", 2},      {"hidden_size", 16},
                    {"intermediate_size", 12},       {"vocab_size", 11},
                    {"max_position_embeddings", 20}, {"rotary_pct", 0.25}};

WeightMap RandomWeights(const Json& config) {
  WeightMap weights;
  const auto specs = BackboneParameters(config);
  EXPECT_THAT(specs, IsOk());
  if (!specs.ok()) return weights;
  for (const ParameterSpec& spec : *specs) {
    weights[spec.name] = at::randn(spec.shape);
  }
  return weights;
}

// What is said of `config` with this value at that key of its rope_parameters.
absl::Status WithParameter(Json config, const char* key, const Json& value) {
  config["rope_parameters"] = {{"rope_type", "default"}, {key, value}};
  return BackboneParameters(config).status();
}

TEST(RopeTest, RopeTypesThatAreUnknownOrIncompleteAreNamed) {
  for (const auto& [scaling, problem] :
       {std::pair<Json, const char*>({{"rope_type", "yarn"}}, "yarn"),
        {{{"type", "dynamic"}, {"factor", 2}}, "dynamic"},
        {{{"rope_type", "llama3"}}, "factor"},
        {{{"rope_type", "linear"}}, "factor"},
        {{{"rope_type", "default"}, {"beta_fast", 32}}, "beta_fast"}}) {
    Json config = kLlama;
    config["rope_scaling"] = scaling;
    EXPECT_THAT(BackboneParameters(config),
                StatusIs(kInvalid, HasSubstr(problem)))
        << scaling;
  }
}

TEST(RopeTest, LinearRopeScalesPositions) {
  Json config = kLlama;
  const WeightMap weights = RandomWeights(config);
  ASSERT_OK_AND_ASSIGN(const auto plain, MakeBackbone(config, weights));
  config["rope_scaling"] = {{"type", "linear"}, {"factor", 4.0}};
  ASSERT_OK_AND_ASSIGN(const auto scaled, MakeBackbone(config, weights));
  const at::Tensor x = plain->Embed(at::tensor({1, 2, 3}, at::kLong));
  const auto layout = PackedLayout::Of({3}, at::kCPU);
  EXPECT_FALSE(plain->Forward(x, layout).allclose(scaled->Forward(x, layout)));
}

TEST(RopeTest, TablesEndWithTheLongestRowAndChangeNothingBefore) {
  for (Json config : {kLlama, kNeox}) {
    const WeightMap weights = RandomWeights(config);
    ASSERT_OK_AND_ASSIGN(const auto all, MakeBackbone(config, weights));
    config["max_position_embeddings"] = 2147483647;
    ASSERT_OK_AND_ASSIGN(const auto few, MakeBackbone(config, weights, 3));
    ASSERT_OK_AND_ASSIGN(const auto claimed, MakeBackbone(config, weights));
    EXPECT_EQ(all->max_positions(), 20);
    EXPECT_EQ(few->max_positions(), 3);
    EXPECT_EQ(claimed->max_positions(), kDefaultMaxRow);
    const at::Tensor x = all->Embed(at::tensor({1, 2, 3}, at::kLong));
    const auto layout = PackedLayout::Of({3}, at::kCPU);
    EXPECT_TRUE(all->Forward(x, layout).equal(few->Forward(x, layout)));
  }
}

TEST(RopeTest, ALlamaThatRotatesAPartOfItsHeadsIsRefused) {
  EXPECT_THAT(WithParameter(kLlama, "partial_rotary_factor", 1.0), IsOk());
  for (const double partial : {0.5, 2.0}) {
    EXPECT_THAT(WithParameter(kLlama, "partial_rotary_factor", partial),
                StatusIs(kInvalid, AllOf(HasSubstr("rope_parameters"),
                                         HasSubstr("partial_rotary_factor"))));
    Json config = kLlama;
    config["partial_rotary_factor"] = partial;
    EXPECT_THAT(BackboneParameters(config),
                StatusIs(kInvalid, HasSubstr("partial_rotary_factor")));
  }
}

TEST(RopeTest, ABadPartIsNamedAsItsConfigSpellsIt) {
  for (const double partial : {0.1, 0.4, 1.5}) {
    EXPECT_THAT(
        WithParameter(kNeox, "partial_rotary_factor", partial),
        StatusIs(kInvalid,
                 AllOf(HasSubstr("rope_parameters: \"partial_rotary_factor\""),
                       Not(HasSubstr("missing")))))
        << partial;
    Json config = kNeox;
    config["rotary_pct"] = partial;
    EXPECT_THAT(BackboneParameters(config),
                StatusIs(kInvalid, AllOf(HasSubstr("\"rotary_pct\" is"),
                                         Not(HasSubstr("missing")))))
        << partial;
  }
  EXPECT_THAT(WithParameter(kNeox, "partial_rotary_factor", 0.5), IsOk());
}

}  // namespace
}  // namespace mneme
