#include <ATen/ops/empty.h>

#include <utility>

#include "model/backbone/backbone.h"

namespace mneme {

PackedLayout PackedLayout::Of(std::vector<int64_t> lengths, at::Device device) {
  PackedLayout layout;
  int64_t total = 0;
  for (const int64_t length : lengths) {
    if (layout.runs.empty() || layout.runs.back().length != length) {
      layout.runs.push_back({total, 0, length});
    }
    ++layout.runs.back().rows;
    total += length;
  }
  at::Tensor positions = at::empty({total}, at::kLong);
  int64_t* out = positions.mutable_data_ptr<int64_t>();
  for (const int64_t length : lengths) {
    for (int64_t i = 0; i < length; ++i) *out++ = i;
  }
  layout.positions = positions.to(device);
  layout.lengths = std::move(lengths);
  return layout;
}

}  // namespace mneme
