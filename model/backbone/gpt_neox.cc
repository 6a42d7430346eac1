#include "model/backbone/gpt_neox.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/embedding.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/backbone/attention.h"
#include "model/backbone/layers.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

struct Layer {
  LayerNorm norm_1, norm_2;
  Linear qkv, attention_out, up, down;
};

class GptNeox final : public Backbone {
 public:
  GptNeox(const GptNeoxConfig& config, const WeightMap& weights);

  int64_t width() const override { return config_.width; }
  int64_t vocab_size() const override { return config_.vocab; }
  int64_t max_positions() const override { return config_.positions; }

  void Freeze() override { head_.Freeze(); }

  at::Tensor Embed(const at::Tensor& ids) const override {
    return at::embedding(tokens_, ids);
  }
  at::Tensor Forward(const at::Tensor& embeddings,
                     const PackedLayout& layout) const override;
  at::Tensor Head(const at::Tensor& hidden) const override {
    return head_(hidden);
  }

 private:
  // `read`: for the positions that the layout reads only.
  at::Tensor Attend(const Layer& layer, const at::Tensor& x,
                    const PackedLayout& layout, const Rope::Angles& angles,
                    bool read) const;

  const GptNeoxConfig config_;
  at::Tensor tokens_;
  LanguageHead head_;
  LayerNorm final_norm_;
  std::vector<Layer> layers_;
  Rope rope_;
};

GptNeox::GptNeox(const GptNeoxConfig& config, const WeightMap& weights)
    : config_(config) {
  const auto linear = [&weights](const std::string& name) {
    return Linear(weights, name);
  };
  const auto norm = [&weights](const std::string& name) {
    return LayerNorm(weights, name);
  };
  tokens_ = weights.at("gpt_neox.embed_in.weight");
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string l = absl::StrCat("gpt_neox.layers.", i);
    layers_.push_back(
        {norm(l + ".input_layernorm"), norm(l + ".post_attention_layernorm"),
         linear(l + ".attention.query_key_value"),
         linear(l + ".attention.dense"), linear(l + ".mlp.dense_h_to_4h"),
         linear(l + ".mlp.dense_4h_to_h")});
  }
  final_norm_ = norm("gpt_neox.final_layer_norm");
  head_ = LanguageHead(weights, tokens_);
  rope_ = Rope(config.rope,
               RotaryWidth(config.width / config.heads, config.rope.partial),
               config.positions, tokens_.options().requires_grad(false));
}

at::Tensor GptNeox::Attend(const Layer& layer, const at::Tensor& x,
                           const PackedLayout& layout,
                           const Rope::Angles& angles, bool read) const {
  const int64_t dh = config_.width / config_.heads;
  const at::Tensor qkv = layer.qkv(x).view({x.size(0), config_.heads, 3 * dh});
  const at::Tensor q = rope_.Apply(qkv.narrow(2, 0, dh), angles);
  const at::Tensor k = rope_.Apply(qkv.narrow(2, dh, dh), angles);
  return layer.attention_out(CausalAttention(
      read ? layout.TakeRead(q) : q, k, qkv.narrow(2, 2 * dh, dh), layout));
}

at::Tensor GptNeox::Forward(const at::Tensor& embeddings,
                            const PackedLayout& layout) const {
  const Rope::Angles angles = rope_.For(layout);
  at::Tensor x = embeddings;
  for (const Layer& layer : layers_) {
    const bool read = layout.read > 0 && &layer == &layers_.back();
    const at::Tensor change = Attend(
        layer, layer.norm_1(x, config_.norm_epsilon), layout, angles, read);
    if (read) x = layout.TakeRead(x);
    const at::Tensor attended = x + change;
    const at::Tensor& source = config_.parallel_residual ? x : attended;
    const at::Tensor inner =
        layer.up(layer.norm_2(source, config_.norm_epsilon));
    x = attended + layer.down(Activate(config_.activation, inner));
  }
  return final_norm_(x, config_.norm_epsilon);
}

}  // namespace

absl::StatusOr<GptNeoxConfig> ParseGptNeoxConfig(const nlohmann::json& json) {
  ConfigReader reader(json, "config.json: backbone");
  GptNeoxConfig config;
  config.layers = reader.Int("num_hidden_layers", 44, 1, 1024);
  config.heads = reader.Int("num_attention_heads", 64);
  config.width = reader.Int("hidden_size", 6144);
  config.inner = reader.Int("intermediate_size", 24576);
  config.vocab = reader.Int("vocab_size", 50432);
  config.positions = reader.Int("max_position_embeddings", 2048);
  config.norm_epsilon = reader.Number("layer_norm_eps", 1e-5);
  config.activation = ReadActivation(reader, "hidden_act", "gelu");
  config.tied = reader.Bool("tie_word_embeddings", false);
  config.attention_bias = reader.Bool("attention_bias", true);
  config.parallel_residual = reader.Bool("use_parallel_residual", true);
  if (config.width % config.heads != 0) {
    reader.Fail(
        "hidden_size",
        absl::StrCat("a multiple of num_attention_heads, ", config.heads));
  }
  config.rope = ReadRope(reader, {.head_width = config.width / config.heads,
                                  .key = "rotary_pct",
                                  .fallback = 0.25});
  reader.Ignore(
      {"attention_dropout", "hidden_dropout", "gradient_checkpointing"});
  reader.IgnoreHuggingFaceKeys();
  RETURN_IF_ERROR(reader.Finish());
  return config;
}

std::string CanonicalText(const GptNeoxConfig& config) {
  return absl::StrFormat(
      "gpt_neox layers=%d heads=%d width=%d inner=%d vocab=%d "
      "norm_epsilon=%.17g activation=%s parallel_residual=%d %s",
      config.layers, config.heads, config.width, config.inner, config.vocab,
      config.norm_epsilon, ActivationName(config.activation),
      config.parallel_residual, CanonicalText(config.rope));
}

std::vector<ParameterSpec> GptNeoxParameters(const GptNeoxConfig& config) {
  using Init = ParameterSpec::Init;
  const int64_t d = config.width;
  std::vector<ParameterSpec> specs;
  const auto norm = [&](const std::string& name) {
    specs.push_back({name + ".weight", {d}, Init::kOnes});
    specs.push_back({name + ".bias", {d}, Init::kZeros});
  };
  const auto linear = [&](const std::string& name, int64_t in, int64_t out,
                          bool bias, Init init) {
    specs.push_back({name + ".weight", {out, in}, init});
    if (bias) specs.push_back({name + ".bias", {out}, Init::kZeros});
  };
  specs.push_back({"gpt_neox.embed_in.weight", {config.vocab, d}});
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string l = absl::StrCat("gpt_neox.layers.", i);
    norm(l + ".input_layernorm");
    linear(l + ".attention.query_key_value", d, 3 * d, config.attention_bias,
           Init::kNormal);
    linear(l + ".attention.dense", d, d, config.attention_bias,
           Init::kResidual);
    norm(l + ".post_attention_layernorm");
    linear(l + ".mlp.dense_h_to_4h", d, config.inner, true, Init::kNormal);
    linear(l + ".mlp.dense_4h_to_h", config.inner, d, true, Init::kResidual);
  }
  norm("gpt_neox.final_layer_norm");
  specs.push_back(
      {"lm_head.weight", {config.vocab, d}, Init::kNormal, config.tied});
  return specs;
}

absl::StatusOr<std::unique_ptr<Backbone>> MakeGptNeox(
    const GptNeoxConfig& config, const WeightMap& weights) {
  RETURN_IF_ERROR(CheckWeights(GptNeoxParameters(config), weights));
  return std::make_unique<GptNeox>(config, weights);
}

}  // namespace mneme
