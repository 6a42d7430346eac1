#include "model/backbone/gpt2.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/_addmm_activation.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/embedding.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/backbone/attention.h"
#include "model/backbone/layers.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// y = x W + b, W [in, out] as in the reference's Conv1D.
struct Affine {
  at::Tensor weight;
  at::Tensor bias;

  at::Tensor operator()(const at::Tensor& x) const {
    return at::addmm(bias, x, weight);
  }

  at::Tensor Activated(Activation activation, const at::Tensor& x) const {
    // One kernel on CUDA, whose GELU is the one with tanh. Without gradients.
    if (activation == Activation::kGeluTanh && x.is_cuda() &&
        x.scalar_type() == at::kBFloat16 && !at::GradMode::is_enabled()) {
      return at::_addmm_activation(bias, x, weight, /*beta=*/1, /*alpha=*/1,
                                   /*use_gelu=*/true);
    }
    return Activate(activation, (*this)(x));
  }
};

struct Layer {
  LayerNorm norm_1, norm_2;
  Affine qkv, attention_out, up, down;
};

class Gpt2 final : public Backbone {
 public:
  Gpt2(const Gpt2Config& config, const WeightMap& weights);

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
  at::Tensor AddPositions(const at::Tensor& x,
                          const PackedLayout& layout) const;
  // `read`: for the positions that the layout reads only.
  at::Tensor Attend(const Layer& layer, double scale, const at::Tensor& x,
                    const PackedLayout& layout, bool read) const;

  const Gpt2Config config_;
  at::Tensor tokens_, positions_;
  LanguageHead head_;
  std::vector<Layer> layers_;
  LayerNorm final_norm_;
};

Gpt2::Gpt2(const Gpt2Config& config, const WeightMap& weights)
    : config_(config) {
  const auto affine = [&weights](const std::string& name) {
    return Affine{weights.at(name + ".weight"), weights.at(name + ".bias")};
  };
  const auto norm = [&weights](const std::string& name) {
    return LayerNorm(weights, name);
  };
  tokens_ = weights.at("transformer.wte.weight");
  positions_ = weights.at("transformer.wpe.weight");
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string h = absl::StrCat("transformer.h.", i);
    layers_.push_back({norm(h + ".ln_1"), norm(h + ".ln_2"),
                       affine(h + ".attn.c_attn"), affine(h + ".attn.c_proj"),
                       affine(h + ".mlp.c_fc"), affine(h + ".mlp.c_proj")});
  }
  final_norm_ = norm("transformer.ln_f");
  head_ = LanguageHead(weights, tokens_);
}

at::Tensor Gpt2::AddPositions(const at::Tensor& x,
                              const PackedLayout& layout) const {
  if (!layout.uniform()) {
    return x + at::embedding(positions_, layout.positions);
  }
  const PackedLayout::Run& run = layout.runs[0];
  return (x.view({run.rows, run.length, config_.width}) +
          positions_.narrow(0, 0, run.length))
      .view({run.rows * run.length, config_.width});
}

at::Tensor Gpt2::Attend(const Layer& layer, double scale, const at::Tensor& x,
                        const PackedLayout& layout, bool read) const {
  const std::vector<at::Tensor> qkv =
      layer.qkv(x)
          .view({x.size(0), 3, config_.heads, config_.width / config_.heads})
          .unbind(1);
  return layer.attention_out(CausalAttention(
      read ? layout.TakeRead(qkv[0]) : qkv[0], qkv[1], qkv[2], layout, scale));
}

at::Tensor Gpt2::Forward(const at::Tensor& embeddings,
                         const PackedLayout& layout) const {
  at::Tensor x = AddPositions(embeddings, layout);
  const int64_t head_width = config_.width / config_.heads;
  double divisor = 0;
  for (const Layer& layer : layers_) {
    divisor += 1;
    const double scale = (config_.scale_attention
                              ? 1 / std::sqrt(static_cast<double>(head_width))
                              : 1) /
                         (config_.scale_by_layer ? divisor : 1);
    const bool read = layout.read > 0 && &layer == &layers_.back();
    const at::Tensor attended = Attend(
        layer, scale, layer.norm_1(x, config_.norm_epsilon), layout, read);
    x = (read ? layout.TakeRead(x) : x) + attended;
    x = x + layer.down(layer.up.Activated(
                config_.activation, layer.norm_2(x, config_.norm_epsilon)));
  }
  return final_norm_(x, config_.norm_epsilon);
}

}  // namespace

absl::StatusOr<Gpt2Config> ParseGpt2Config(const nlohmann::json& json) {
  ConfigReader reader(json, "config.json: backbone");
  Gpt2Config config;
  config.layers = reader.Int("n_layer", 12, 1, 1024);
  config.heads = reader.Int("n_head", 12);
  config.width = reader.Int("n_embd", 768);
  config.inner = reader.Int("n_inner", 4 * config.width);
  config.vocab = reader.Int("vocab_size", 50257);
  config.positions = reader.Int("n_positions", 1024);
  config.norm_epsilon = reader.Number("layer_norm_epsilon", 1e-5);
  config.activation = ReadActivation(reader, "activation_function", "gelu_new");
  config.tied = reader.Bool("tie_word_embeddings", true);
  config.scale_attention = reader.Bool("scale_attn_weights", true);
  config.scale_by_layer = reader.Bool("scale_attn_by_inverse_layer_idx", false);
  reader.Ignore({"attn_pdrop", "embd_pdrop", "resid_pdrop", "n_ctx",
                 "reorder_and_upcast_attn", "summary_activation",
                 "summary_first_dropout", "summary_proj_to_labels",
                 "summary_type", "summary_use_proj"});
  reader.IgnoreHuggingFaceKeys();
  if (config.width % config.heads != 0) {
    reader.Fail("n_embd", absl::StrCat("a multiple of n_head, ", config.heads));
  }
  RETURN_IF_ERROR(reader.Finish());
  return config;
}

std::string CanonicalText(const Gpt2Config& config) {
  return absl::StrFormat(
      "gpt2 layers=%d heads=%d width=%d inner=%d vocab=%d positions=%d "
      "norm_epsilon=%.17g activation=%s scale_attention=%d scale_by_layer=%d",
      config.layers, config.heads, config.width, config.inner, config.vocab,
      config.positions, config.norm_epsilon, ActivationName(config.activation),
      config.scale_attention, config.scale_by_layer);
}

std::vector<ParameterSpec> Gpt2Parameters(const Gpt2Config& config) {
  using Init = ParameterSpec::Init;
  const int64_t d = config.width;
  std::vector<ParameterSpec> specs;
  const auto norm = [&](const std::string& name) {
    specs.push_back({name + ".weight", {d}, Init::kOnes});
    specs.push_back({name + ".bias", {d}, Init::kZeros});
  };
  const auto affine = [&](const std::string& name, int64_t in, int64_t out,
                          Init init) {
    specs.push_back({name + ".weight", {in, out}, init});
    specs.push_back({name + ".bias", {out}, Init::kZeros});
  };
  specs.push_back({"transformer.wte.weight", {config.vocab, d}});
  specs.push_back({"transformer.wpe.weight", {config.positions, d}});
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string h = absl::StrCat("transformer.h.", i);
    norm(h + ".ln_1");
    affine(h + ".attn.c_attn", d, 3 * d, Init::kNormal);
    affine(h + ".attn.c_proj", d, d, Init::kResidual);
    norm(h + ".ln_2");
    affine(h + ".mlp.c_fc", d, config.inner, Init::kNormal);
    affine(h + ".mlp.c_proj", config.inner, d, Init::kResidual);
  }
  norm("transformer.ln_f");
  specs.push_back(
      {"lm_head.weight", {config.vocab, d}, Init::kNormal, config.tied});
  return specs;
}

absl::StatusOr<std::unique_ptr<Backbone>> MakeGpt2(const Gpt2Config& config,
                                                   const WeightMap& weights) {
  RETURN_IF_ERROR(CheckWeights(Gpt2Parameters(config), weights));
  return std::make_unique<Gpt2>(config, weights);
}

}  // namespace mneme
