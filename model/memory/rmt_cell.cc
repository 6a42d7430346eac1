#include "model/memory/rmt_cell.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <utility>

namespace mneme {
namespace {

RmtOutput UniformStep(const Backbone& backbone, const at::Tensor& embeddings,
                      const RmtLayout& layout, const at::Tensor& memory) {
  const int64_t d = backbone.width();
  const int64_t m = layout.num_memory;
  const int64_t length = layout.packed.runs[0].length;
  const int64_t tokens = length - 2 * m;
  const at::Tensor x =
      at::cat({memory, embeddings.view({layout.rows, tokens, d}), memory}, 1)
          .view({layout.rows * length, d});
  const at::Tensor hidden =
      backbone.Forward(x, layout.packed).view({layout.rows, length, d});
  return {hidden.narrow(1, m, tokens).reshape({layout.rows * tokens, d}),
          hidden.narrow(1, m + tokens, m)};
}

RmtOutput PackedStep(const Backbone& backbone, const at::Tensor& embeddings,
                     const RmtLayout& layout, const at::Tensor& memory) {
  const int64_t d = backbone.width();
  const at::Tensor x = at::cat({memory.reshape({-1, d}), embeddings}, 0)
                           .index_select(0, layout.gather);
  const at::Tensor hidden = backbone.Forward(x, layout.packed);
  return {hidden.index_select(0, layout.token_rows),
          hidden.index_select(0, layout.memory_rows)
              .view({layout.rows, layout.num_memory, d})};
}

}  // namespace

RmtLayout RmtLayout::Of(const std::vector<int64_t>& token_lengths,
                        int64_t num_memory, at::Device device) {
  RmtLayout layout;
  layout.rows = static_cast<int64_t>(token_lengths.size());
  layout.num_memory = num_memory;
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
  layout.packed = PackedLayout::Of(std::move(lengths), device);
  if (num_memory > 0 && !layout.packed.uniform()) {
    layout.gather = at::tensor(gather, at::kLong).to(device);
    layout.token_rows = at::tensor(token_rows, at::kLong).to(device);
    layout.memory_rows = at::tensor(memory_rows, at::kLong).to(device);
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
  return layout.packed.uniform()
             ? UniformStep(backbone, embeddings, layout, read)
             : PackedStep(backbone, embeddings, layout, read);
}

}  // namespace mneme
