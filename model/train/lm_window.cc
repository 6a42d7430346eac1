#include "model/train/lm_window.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/from_blob.h>

#include <vector>

namespace mneme {

at::Tensor TextTensor(absl::string_view bytes, at::Device device) {
  return at::from_blob(const_cast<char*>(bytes.data()),
                       {static_cast<int64_t>(bytes.size())}, at::kByte)
      .clone()
      .to(device);
}

at::Tensor ReadRing(const at::Tensor& text, const at::Tensor& offsets,
                    int64_t length) {
  const at::Tensor steps = at::arange(length, offsets.options());
  const at::Tensor places =
      (offsets.unsqueeze(1) + steps).remainder(text.size(0));
  return text.index_select(0, places.view({-1}))
      .to(at::kLong)
      .view({offsets.size(0), length});
}

at::Tensor SumOfLosses(const Backbone& backbone, const at::Tensor& hidden,
                       const at::Tensor& targets) {
  return at::cross_entropy_loss(backbone.Head(hidden).to(at::kFloat), targets,
                                /*weight=*/{}, at::Reduction::Sum);
}

LmWindow RunLmWindow(const Backbone& backbone, const RmtLayout& layout,
                     const at::Tensor& ids, const at::Tensor& memory) {
  const int64_t streams = layout.rows;
  const int64_t segment = layout.packed.lengths[0] - 2 * layout.num_memory;
  const int64_t segments = (ids.size(1) - 1) / segment;
  std::vector<at::Tensor> hidden;
  at::Tensor carried = memory;
  for (int64_t i = 0; i < segments; ++i) {
    const at::Tensor tokens = ids.narrow(1, i * segment, segment);
    const RmtOutput out =
        RmtStep(backbone, tokens.reshape({-1}), layout, carried);
    hidden.push_back(out.hidden.view({streams, segment, -1}));
    carried = out.memory;
  }
  const at::Tensor all = at::cat(hidden, 1).view({-1, backbone.width()});
  const at::Tensor targets = ids.narrow(1, 1, segments * segment).reshape({-1});
  const at::Tensor sum = SumOfLosses(backbone, all, targets);
  return {sum / static_cast<double>(targets.size(0)), carried};
}

}  // namespace mneme
