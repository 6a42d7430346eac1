#include "model/train/evaluate.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/memory/rmt_cell.h"
#include "model/train/lm_window.h"

namespace mneme {
namespace {

// Reads the streams segment by segment and adds up their losses.
class Evaluation {
 public:
  Evaluation(const Backbone& backbone, const at::Tensor& initial,
             const EvalOptions& options, at::Device device)
      : backbone_(backbone),
        options_(options),
        device_(device),
        num_memory_(initial.defined() ? initial.size(0) : 0),
        full_(LayoutOf(options.segment)),
        sum_(at::zeros({}, at::TensorOptions(device).dtype(at::kDouble))) {
    if (num_memory_ > 0) {
      initial_ = initial.unsqueeze(0).expand({options.streams, -1, -1});
      memory_ = initial_;
    }
  }

  // I64 [streams, T], the next segment of every stream.
  void Read(const at::Tensor& ids) {
    const int64_t length = ids.size(1);
    const RmtOutput out =
        RmtStep(backbone_, ids.reshape({-1}),
                length == options_.segment ? full_ : LayoutOf(length),
                options_.reset ? initial_ : memory_);
    const at::Tensor hidden = out.hidden.view({options_.streams, length, -1});
    Score(hidden, ids);
    last_hidden_ = hidden.narrow(1, length - 1, 1);
    memory_ = out.memory;
  }

  double sum() const { return sum_.item<double>(); }

 private:
  RmtLayout LayoutOf(int64_t length) const {
    return RmtLayout::Of(
        std::vector<int64_t>(static_cast<size_t>(options_.streams), length),
        num_memory_, device_);
  }

  // Byte i of a segment is scored from the position before it.
  void Score(const at::Tensor& hidden, const at::Tensor& ids) {
    const int64_t length = ids.size(1);
    at::Tensor before = hidden.narrow(1, 0, length - 1);
    at::Tensor targets = ids.narrow(1, 1, length - 1);
    if (last_hidden_.defined()) {
      before = at::cat({last_hidden_, before}, 1);
      targets = ids;
    }
    if (targets.numel() == 0) return;
    sum_.add_(SumOfLosses(backbone_, before.reshape({-1, hidden.size(2)}),
                          targets.reshape({-1})));
  }

  const Backbone& backbone_;
  const EvalOptions options_;
  const at::Device device_;
  const int64_t num_memory_;
  const RmtLayout full_;
  at::Tensor sum_, initial_, memory_, last_hidden_;
};

}  // namespace

EvalResult Evaluate(const Backbone& backbone, const at::Tensor& initial,
                    const at::Tensor& text, const EvalOptions& options) {
  at::NoGradGuard no_grad;
  const int64_t length = text.size(0) / options.streams;
  const at::Tensor stripes =
      text.narrow(0, 0, length * options.streams).view({options.streams, -1});
  Evaluation evaluation(backbone, initial, options, text.device());
  for (int64_t begin = 0; begin < length; begin += options.segment) {
    const int64_t size = std::min(options.segment, length - begin);
    evaluation.Read(stripes.narrow(1, begin, size).to(at::kLong));
  }
  EvalResult result;
  result.scored = std::max<int64_t>(0, length - 1) * options.streams;
  if (result.scored > 0) {
    result.bits_per_byte =
        evaluation.sum() / std::log(2.0) / static_cast<double>(result.scored);
  }
  return result;
}

EvalResult EvaluateText(const Backbone& backbone, const at::Tensor& initial,
                        absl::string_view text, at::Device device,
                        EvalOptions options) {
  const auto size = static_cast<int64_t>(text.size());
  options.streams =
      std::max<int64_t>(1, std::min(options.streams, size / options.segment));
  return Evaluate(backbone, initial, TextTensor(text, device), options);
}

}  // namespace mneme
