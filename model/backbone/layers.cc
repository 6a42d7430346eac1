#include "model/backbone/layers.h"

#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>

namespace mneme {
namespace {

constexpr int64_t kHeadRows = 64;  // a power of two

}  // namespace

Linear::Linear(const WeightMap& weights, const std::string& name)
    : weight(weights.at(name + ".weight")) {
  const auto found = weights.find(name + ".bias");
  if (found != weights.end()) bias = found->second;
}

at::Tensor Linear::operator()(const at::Tensor& x) const {
  return at::linear(x, weight, bias);
}

LayerNorm::LayerNorm(const WeightMap& weights, const std::string& name)
    : weight(weights.at(name + ".weight")), bias(weights.at(name + ".bias")) {}

at::Tensor LayerNorm::operator()(const at::Tensor& x, double epsilon) const {
  return at::layer_norm(x, weight.sizes(), weight, bias, epsilon);
}

LanguageHead::LanguageHead(const WeightMap& weights,
                           const at::Tensor& embedding) {
  const auto head = weights.find("lm_head.weight");
  weight_ = head == weights.end() ? embedding : head->second;
  vocab_ = weight_.size(0);
}

void LanguageHead::Freeze() {
  const int64_t missing = -vocab_ & (kHeadRows - 1);
  if (!weight_.is_cuda() || missing == 0) return;
  weight_ = at::constant_pad_nd(weight_, {0, 0, 0, missing});
}

at::Tensor LanguageHead::operator()(const at::Tensor& hidden) const {
  const at::Tensor logits = at::linear(hidden, weight_);
  return weight_.size(0) == vocab_ ? logits : logits.narrow(-1, 0, vocab_);
}

}  // namespace mneme
