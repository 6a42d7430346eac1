#include <ATen/ops/index_select.h>

#include <utility>
#include <vector>

#include "model/backbone/backbone.h"
#include "model/runtime/device.h"

namespace mneme {
namespace {

// `total` numbers on the device, written by `fill`.
template <typename Fill>
at::Tensor Numbers(int64_t total, at::Device device, Fill&& fill) {
  std::vector<int64_t> numbers(static_cast<size_t>(total));
  fill(numbers.data());
  return ToDevice(numbers, device);
}

}  // namespace

PackedLayout PackedLayout::Of(std::vector<int64_t> lengths, at::Device device,
                              int64_t read) {
  PackedLayout layout;
  int64_t total = 0;
  for (const int64_t length : lengths) {
    if (layout.runs.empty() || layout.runs.back().length != length) {
      layout.runs.push_back({total, 0, length});
    }
    ++layout.runs.back().rows;
    total += length;
  }
  layout.positions = Numbers(total, device, [&](int64_t* out) {
    for (const int64_t length : lengths) {
      for (int64_t i = 0; i < length; ++i) *out++ = i;
    }
  });
  layout.read = read;
  if (read > 0) {
    const auto rows = static_cast<int64_t>(lengths.size());
    layout.read_rows = Numbers(rows * read, device, [&](int64_t* out) {
      int64_t end = 0;
      for (const int64_t length : lengths) {
        end += length;
        for (int64_t i = end - read; i < end; ++i) *out++ = i;
      }
    });
  }
  layout.lengths = std::move(lengths);
  return layout;
}

at::Tensor PackedLayout::TakeRead(const at::Tensor& packed) const {
  return packed.index_select(0, read_rows);
}

}  // namespace mneme
