#include "model/memory/rmt_cell.h"

#include <ATen/ops/cat.h>

#include <utility>

#include "model/runtime/device.h"

namespace mneme {
namespace {

// [memory; tokens; memory] of each row, packed.
at::Tensor JoinRows(const at::Tensor& embeddings, const RmtLayout& layout,
                    const at::Tensor& memory) {
  const int64_t d = embeddings.size(1);
  if (!layout.packed.uniform()) {
    return at::cat({memory.reshape({-1, d}), embeddings}, 0)
        .index_select(0, layout.gather);
  }
  return at::cat({memory, embeddings.view({layout.rows, -1, d}), memory}, 1)
      .view({-1, d});
}

// What the backbone made of them, taken apart: each row is [memory;] tokens;
// memory, or the end of that.
RmtOutput SplitRows(const at::Tensor& hidden, const RmtLayout& layout) {
  const int64_t d = hidden.size(1);
  const int64_t m = layout.num_memory;
  const bool few = layout.read > 0;
  if (few || layout.packed.uniform()) {
    const at::Tensor rows = hidden.view({layout.rows, -1, d});
    const int64_t tokens = rows.size(1) - (few ? m : 2 * m);
    const int64_t begin = few ? 0 : m;
    return {rows.narrow(1, begin, tokens).reshape({layout.rows * tokens, d}),
            rows.narrow(1, begin + tokens, m)};
  }
  return {hidden.index_select(0, layout.token_rows),
          hidden.index_select(0, layout.memory_rows).view({layout.rows, m, d})};
}

}  // namespace

RmtLayout RmtLayout::Of(const std::vector<int64_t>& token_lengths,
                        int64_t num_memory, at::Device device, int64_t read) {
  RmtLayout layout;
  layout.rows = static_cast<int64_t>(token_lengths.size());
  layout.num_memory = num_memory;
  layout.read = read;
  std::vector<int64_t> lengths;
  std::vector<int64_t> gather, token_rows, memory_rows;
  int64_t packed = 0, token = layout.rows * num_memory, memory = 0;
  for (const int64_t tokens : token_lengths) {
    lengths.push_back(tokens + 2 * num_memory);
    for (int64_t i = 0; i < num_memory; ++i) gather.push_back(memory + i);
    for (int64_t i = 0; i < tokens; ++i) gather.push_back(token++);
    for (int64_t i = 0; i < num_memory; ++i) gather.push_back(memory + i);
    for (int64_t i = 0; i < tokens; ++i) {
      token_rows.push_back(packed + num_memory + i);
    }
    packed += lengths.back();
    for (int64_t i = num_memory; i > 0; --i) memory_rows.push_back(packed - i);
    memory += num_memory;
  }
  layout.packed = PackedLayout::Of(std::move(lengths), device,
                                   read == 0 ? 0 : read + num_memory);
  if (num_memory == 0 || layout.packed.uniform()) return layout;
  layout.gather = ToDevice(gather, device);
  if (read == 0) {
    layout.token_rows = ToDevice(token_rows, device);
    layout.memory_rows = ToDevice(memory_rows, device);
  }
  return layout;
}

RmtOutput RmtStep(const Backbone& backbone, const at::Tensor& ids,
                  const RmtLayout& layout, const at::Tensor& memory) {
  const at::Tensor embeddings = backbone.Embed(ids);
  if (layout.num_memory == 0) {
    return {backbone.Forward(embeddings, layout.packed), at::Tensor()};
  }
  const at::Tensor read = memory.to(embeddings.scalar_type());
  return SplitRows(
      backbone.Forward(JoinRows(embeddings, layout, read), layout.packed),
      layout);
}

}  // namespace mneme
