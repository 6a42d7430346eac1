#include "model/backbone/llama.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/embedding.h>
#include <ATen/ops/rms_norm.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/backbone/attention.h"
#include "model/backbone/layers.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

struct Layer {
  at::Tensor norm_1, norm_2;
  Linear q, k, v, out, gate, up, down;
};

class Llama final : public Backbone {
 public:
  Llama(const LlamaConfig& config, const WeightMap& weights);

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
  at::Tensor Normalise(const at::Tensor& x, const at::Tensor& weight) const {
    return at::rms_norm(x, weight.sizes(), weight, config_.norm_epsilon);
  }
  // `read`: for the positions that the layout reads only.
  at::Tensor Attend(const Layer& layer, const at::Tensor& x,
                    const PackedLayout& layout, const Rope::Angles& angles,
                    bool read) const;

  const LlamaConfig config_;
  at::Tensor tokens_, final_norm_;
  LanguageHead head_;
  std::vector<Layer> layers_;
  Rope rope_;
};

Llama::Llama(const LlamaConfig& config, const WeightMap& weights)
    : config_(config) {
  const auto linear = [&weights](const std::string& name) {
    return Linear(weights, name);
  };
  tokens_ = weights.at("model.embed_tokens.weight");
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string l = absl::StrCat("model.layers.", i);
    layers_.push_back(
        {weights.at(l + ".input_layernorm.weight"),
         weights.at(l + ".post_attention_layernorm.weight"),
         linear(l + ".self_attn.q_proj"), linear(l + ".self_attn.k_proj"),
         linear(l + ".self_attn.v_proj"), linear(l + ".self_attn.o_proj"),
         linear(l + ".mlp.gate_proj"), linear(l + ".mlp.up_proj"),
         linear(l + ".mlp.down_proj")});
  }
  final_norm_ = weights.at("model.norm.weight");
  head_ = LanguageHead(weights, tokens_);
  rope_ = Rope(config.rope, config.head_width, config.positions,
               tokens_.options().requires_grad(false));
}

at::Tensor Llama::Attend(const Layer& layer, const at::Tensor& x,
                         const PackedLayout& layout, const Rope::Angles& angles,
                         bool read) const {
  const int64_t n = x.size(0);
  const int64_t dh = config_.head_width;
  const at::Tensor q =
      rope_.Apply(layer.q(x).view({n, config_.heads, dh}), angles);
  const at::Tensor k = layer.k(x).view({n, config_.kv_heads, dh});
  const at::Tensor v = layer.v(x).view({n, config_.kv_heads, dh});
  return layer.out(CausalAttention(read ? layout.TakeRead(q) : q,
                                   rope_.Apply(k, angles), v, layout));
}

at::Tensor Llama::Forward(const at::Tensor& embeddings,
                          const PackedLayout& layout) const {
  const Rope::Angles angles = rope_.For(layout);
  at::Tensor x = embeddings;
  for (const Layer& layer : layers_) {
    const bool read = layout.read > 0 && &layer == &layers_.back();
    const at::Tensor attended =
        Attend(layer, Normalise(x, layer.norm_1), layout, angles, read);
    x = (read ? layout.TakeRead(x) : x) + attended;
    const at::Tensor inner = Normalise(x, layer.norm_2);
    x = x + layer.down(Activate(config_.activation, layer.gate(inner)) *
                       layer.up(inner));
  }
  return Normalise(x, final_norm_);
}

}  // namespace

absl::StatusOr<LlamaConfig> ParseLlamaConfig(const nlohmann::json& json) {
  ConfigReader reader(json, "config.json: backbone");
  LlamaConfig config;
  config.layers = reader.Int("num_hidden_layers", 32, 1, 1024);
  config.heads = reader.Int("num_attention_heads", 32);
  config.kv_heads = reader.Int("num_key_value_heads", config.heads);
  config.width = reader.Int("hidden_size", 4096);
  config.head_width = reader.Int("head_dim", config.width / config.heads);
  config.inner = reader.Int("intermediate_size", 11008);
  config.vocab = reader.Int("vocab_size", 32000);
  config.positions = reader.Int("max_position_embeddings", 2048);
  config.norm_epsilon = reader.Number("rms_norm_eps", 1e-6);
  config.activation = ReadActivation(reader, "hidden_act", "silu");
  config.tied = reader.Bool("tie_word_embeddings", false);
  config.attention_bias = reader.Bool("attention_bias", false);
  config.mlp_bias = reader.Bool("mlp_bias", false);
  if (config.head_width < 2 || config.head_width % 2 != 0) {
    reader.Fail("head_dim", "an even number");
  }
  config.rope = ReadRope(reader, {.head_width = config.head_width});
  reader.Only("pretraining_tp", 1);
  reader.Ignore({"attention_dropout"});
  reader.IgnoreHuggingFaceKeys();
  if (config.heads % config.kv_heads != 0) {
    reader.Fail(
        "num_key_value_heads",
        absl::StrCat("a divisor of num_attention_heads, ", config.heads));
  }
  RETURN_IF_ERROR(reader.Finish());
  return config;
}

std::string CanonicalText(const LlamaConfig& config) {
  return absl::StrFormat(
      "llama layers=%d heads=%d kv_heads=%d head_width=%d width=%d inner=%d "
      "vocab=%d norm_epsilon=%.17g activation=%s %s",
      config.layers, config.heads, config.kv_heads, config.head_width,
      config.width, config.inner, config.vocab, config.norm_epsilon,
      ActivationName(config.activation), CanonicalText(config.rope));
}

std::vector<ParameterSpec> LlamaParameters(const LlamaConfig& config) {
  using Init = ParameterSpec::Init;
  const int64_t d = config.width;
  const int64_t q = config.heads * config.head_width;
  const int64_t kv = config.kv_heads * config.head_width;
  std::vector<ParameterSpec> specs;
  const auto norm = [&](const std::string& name) {
    specs.push_back({name + ".weight", {d}, Init::kOnes});
  };
  const auto linear = [&](const std::string& name, int64_t in, int64_t out,
                          bool bias, Init init) {
    specs.push_back({name + ".weight", {out, in}, init});
    if (bias) specs.push_back({name + ".bias", {out}, Init::kZeros});
  };
  specs.push_back({"model.embed_tokens.weight", {config.vocab, d}});
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string l = absl::StrCat("model.layers.", i);
    const bool bias = config.attention_bias;
    norm(l + ".input_layernorm");
    linear(l + ".self_attn.q_proj", d, q, bias, Init::kNormal);
    linear(l + ".self_attn.k_proj", d, kv, bias, Init::kNormal);
    linear(l + ".self_attn.v_proj", d, kv, bias, Init::kNormal);
    linear(l + ".self_attn.o_proj", q, d, bias, Init::kResidual);
    norm(l + ".post_attention_layernorm");
    linear(l + ".mlp.gate_proj", d, config.inner, config.mlp_bias,
           Init::kNormal);
    linear(l + ".mlp.up_proj", d, config.inner, config.mlp_bias, Init::kNormal);
    linear(l + ".mlp.down_proj", config.inner, d, config.mlp_bias,
           Init::kResidual);
  }
  norm("model.norm");
  specs.push_back(
      {"lm_head.weight", {config.vocab, d}, Init::kNormal, config.tied});
  return specs;
}

absl::StatusOr<std::unique_ptr<Backbone>> MakeLlama(const LlamaConfig& config,
                                                    const WeightMap& weights) {
  RETURN_IF_ERROR(CheckWeights(LlamaParameters(config), weights));
  return std::make_unique<Llama>(config, weights);
}

}  // namespace mneme
