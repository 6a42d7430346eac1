#ifndef MNEME_MODEL_BACKBONE_LAYERS_H_
#define MNEME_MODEL_BACKBONE_LAYERS_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <optional>
#include <string>

#include "model/backbone/parameter_spec.h"

namespace mneme {

// The layers that several families are made of. They share their weights with
// the map they are made from, but for a frozen head: const calls from any
// thread are safe.

// y = x W^T (+ b), W [out, in].
struct Linear {
  // "`name`.weight" and, where there is one, "`name`.bias".
  Linear(const WeightMap& weights, const std::string& name);

  at::Tensor operator()(const at::Tensor& x) const;

  at::Tensor weight;
  std::optional<at::Tensor> bias;
};

// Layer normalisation over the last dimension, with weight and bias.
struct LayerNorm {
  LayerNorm() = default;
  LayerNorm(const WeightMap& weights, const std::string& name);

  at::Tensor operator()(const at::Tensor& x, double epsilon) const;

  at::Tensor weight;
  at::Tensor bias;
};

// A language model's head: [.., width] -> [.., vocab].
class LanguageHead {
 public:
  LanguageHead() = default;
  // "lm_head.weight"; the embedding where there is no other.
  LanguageHead(const WeightMap& weights, const at::Tensor& embedding);

  // On CUDA, computes from a copy whose vocabulary fits the matrix units: that
  // of GPT-2, 50257, took 27 ms of an H200 for 32768 tokens, 50304 takes 4.
  void Freeze();

  at::Tensor operator()(const at::Tensor& hidden) const;

 private:
  at::Tensor weight_;  // [vocab or more, width]
  int64_t vocab_ = 0;
};

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_LAYERS_H_
