#include "model/backbone/attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <vector>

namespace mneme {
namespace {

// `positions` of each of the run's rows, which begin at `start` of `packed`
// [N, heads, dh], as [rows, heads, positions, dh], without a copy.
at::Tensor RowsOf(const at::Tensor& packed, int64_t start, int64_t rows,
                  int64_t positions) {
  const at::Tensor part = rows * positions == packed.size(0)
                              ? packed
                              : packed.narrow(0, start, rows * positions);
  return part.view({rows, positions, packed.size(1), packed.size(2)})
      .transpose(1, 2);
}

// Which of `length` keys the last `queries` positions see.
at::Tensor CausalMask(int64_t queries, int64_t length, at::Device device) {
  return at::ones({queries, length},
                  at::TensorOptions().dtype(at::kBool).device(device))
      .tril(length - queries);
}

}  // namespace

at::Tensor CausalAttention(const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& v, const PackedLayout& layout,
                           std::optional<double> scale) {
  const bool grouped = q.size(1) != k.size(1);
  const bool few = q.size(0) != k.size(0);
  std::vector<at::Tensor> outputs;
  outputs.reserve(layout.runs.size());
  int64_t start = 0;
  for (const PackedLayout::Run& run : layout.runs) {
    const int64_t queries = few ? layout.read : run.length;
    const std::optional<at::Tensor> mask =
        queries == run.length
            ? std::nullopt
            : std::make_optional(CausalMask(queries, run.length, q.device()));
    const at::Tensor out = at::scaled_dot_product_attention(
        RowsOf(q, start, run.rows, queries),
        RowsOf(k, run.start, run.rows, run.length),
        RowsOf(v, run.start, run.rows, run.length), mask,
        /*dropout_p=*/0.0, /*is_causal=*/!mask.has_value(), scale, grouped);
    outputs.push_back(out.transpose(1, 2).reshape(
        {run.rows * queries, q.size(1) * q.size(2)}));
    start += run.rows * queries;
  }
  return outputs.size() == 1 ? outputs[0] : at::cat(outputs, 0);
}

}  // namespace mneme
