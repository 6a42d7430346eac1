#include "model/backbone/layers.h"

#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>

namespace mneme {

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

at::Tensor HeadWeight(const WeightMap& weights, const at::Tensor& embedding) {
  const auto head = weights.find("lm_head.weight");
  return head == weights.end() ? embedding : head->second;
}

}  // namespace mneme
