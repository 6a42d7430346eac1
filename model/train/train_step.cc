#include "model/train/train_step.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_copy.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>
#include <torch/csrc/autograd/autograd.h>

#include <vector>

#include "model/train/lm_window.h"

namespace mneme {
namespace {

// Updates run for real before one is captured: libraries choose their
// algorithms and workspaces then.
constexpr int64_t kWarmUps = 3;

RmtLayout LayoutOf(const TrainStep::Options& options,
                   const FlatParameters& parameters) {
  const at::Tensor& memory = parameters.memory();
  return RmtLayout::Of(
      std::vector<int64_t>(static_cast<size_t>(options.streams),
                           options.segment),
      memory.defined() ? memory.size(0) : 0, parameters.master().device());
}

// Copies without waiting: the pinned block lives on until the copy is done.
void CopyTo(const at::Tensor& to, const std::vector<int64_t>& values) {
  const at::Tensor from = at::tensor(values, at::kLong);
  to.copy_(to.is_cuda() ? from.pin_memory() : from, /*non_blocking=*/true);
}

}  // namespace

TrainStep::TrainStep(const Options& options, const Backbone* backbone,
                     FlatParameters* parameters, const at::Tensor& text)
    : options_(options),
      backbone_(backbone),
      parameters_(parameters),
      text_(text),
      layout_(LayoutOf(options, *parameters)),
      adamw_(options.adamw, parameters->master(), parameters->decayed()) {
  const at::TensorOptions floats = parameters->master().options();
  offsets_ = at::zeros({options.streams}, floats.dtype(at::kLong));
  reset_ = at::zeros({options.streams}, floats.dtype(at::kLong));
  rate_ = at::zeros({}, floats);
  loss_sum_ = at::zeros({}, floats);
  gradient_ = at::zeros_like(parameters->master());
  gradient_views_ = parameters->ViewsOf(gradient_);
  const at::Tensor& memory = parameters->memory();
  if (memory.defined()) {
    carried_ = at::zeros({options.streams, memory.size(0), memory.size(1)},
                         memory.options().requires_grad(false));
  }
}

void TrainStep::CopyIn(const StreamWindow& window, double rate) {
  CopyTo(offsets_, window.offsets);
  CopyTo(reset_, window.reset);
  rate_.fill_(rate);
}

void TrainStep::Update(int64_t segments) {
  const at::Tensor ids =
      ReadRing(text_, offsets_, segments * options_.segment + 1);
  at::Tensor memory;
  if (carried_.defined()) {
    memory = at::where(reset_.to(at::kBool).view({-1, 1, 1}),
                       parameters_->memory().unsqueeze(0), carried_);
  }
  const LmWindow window = RunLmWindow(*backbone_, layout_, ids, memory);
  const std::vector<at::Tensor> gradients =
      torch::autograd::grad({window.loss}, parameters_->leaves());
  at::NoGradGuard no_grad;
  at::_foreach_copy_(gradient_views_, gradients);
  adamw_.Update(gradient_, rate_);
  parameters_->Publish();
  loss_sum_.add_(window.loss.detach());
  if (carried_.defined()) {
    carried_.copy_(at::nan_to_num(window.memory.detach(), 0.0, 0.0, 0.0));
  }
}

void TrainStep::Run(const StreamWindow& window, int64_t segments, double rate) {
  CopyIn(window, rate);
  ++updates_since_read_;
  if (graph_segments_ != segments) {
    graph_.reset();
    graph_segments_ = segments;
    warm_ups_ = 0;
  }
  const bool graphs = options_.graphs && DeviceGraph::Supports(text_.device());
  if (!graphs || warm_ups_ < kWarmUps) {
    ++warm_ups_;
    Update(segments);
    return;
  }
  if (graph_ == nullptr) {
    graph_ = std::make_unique<DeviceGraph>();
    graph_->Capture([this, segments] { Update(segments); });
  }
  graph_->Replay();
}

TrainStep::Progress TrainStep::Read() {
  Progress progress;
  progress.loss =
      loss_sum_.item<double>() /
      static_cast<double>(updates_since_read_ > 0 ? updates_since_read_ : 1);
  progress.gradient_norm = adamw_.gradient_norm().item<double>();
  progress.skipped = static_cast<int64_t>(adamw_.skipped().item<double>());
  loss_sum_.fill_(0.0);
  updates_since_read_ = 0;
  return progress;
}

}  // namespace mneme
