#include "model/train/adamw.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_fused_adamw.h>
#include <ATen/ops/linalg_vector_norm.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

namespace mneme {

AdamW::AdamW(const Options& options, const at::Tensor& master, int64_t decayed)
    : options_(options),
      decayed_(decayed),
      master_(master),
      first_(at::zeros_like(master)),
      second_(at::zeros_like(master)),
      steps_(at::zeros({1}, master.options())),
      norm_(at::zeros({}, master.options())),
      skipped_(at::zeros({1}, master.options())) {}

void AdamW::Update(const at::Tensor& gradient, const at::Tensor& rate) {
  at::NoGradGuard no_grad;
  norm_.copy_(at::linalg_vector_norm(gradient));
  const at::Tensor bad = norm_.isfinite().logical_not().to(at::kFloat);
  const at::Tensor scale = norm_.div(options_.clip).clamp_min(1.0);
  steps_.add_(bad.neg().add(1.0));
  skipped_.add_(bad);
  const int64_t size = master_.size(0);
  const auto update = [&](int64_t begin, int64_t length, double decay) {
    if (length == 0) return;
    const at::Tensor master = master_.narrow(0, begin, length);
    const at::Tensor part = gradient.narrow(0, begin, length);
    const at::Tensor first = first_.narrow(0, begin, length);
    const at::Tensor second = second_.narrow(0, begin, length);
    const at::Tensor steps = steps_.select(0, 0);
    at::_fused_adamw_(master, part, first, second, {}, steps, rate,
                      options_.beta1, options_.beta2, decay, options_.epsilon,
                      /*amsgrad=*/false, /*maximize=*/false, scale, bad);
  };
  update(0, decayed_, options_.weight_decay);
  update(decayed_, size - decayed_, 0.0);
}

}  // namespace mneme
