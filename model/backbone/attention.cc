#include "model/backbone/attention.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/scaled_dot_product_attention.h>

#include <vector>

namespace mneme {
namespace {

// [N, heads, dh] -> the run's rows as [rows, heads, length, dh], without a
// copy.
at::Tensor RowsOf(const at::Tensor& packed, const PackedLayout::Run& run) {
  const int64_t positions = run.rows * run.length;
  const at::Tensor part = positions == packed.size(0)
                              ? packed
                              : packed.narrow(0, run.start, positions);
  return part.view({run.rows, run.length, packed.size(1), packed.size(2)})
      .transpose(1, 2);
}

}  // namespace

at::Tensor CausalAttention(const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& v, const PackedLayout& layout,
                           std::optional<double> scale) {
  const bool grouped = q.size(1) != k.size(1);
  std::vector<at::Tensor> outputs;
  outputs.reserve(layout.runs.size());
  for (const PackedLayout::Run& run : layout.runs) {
    const at::Tensor out = at::scaled_dot_product_attention(
        RowsOf(q, run), RowsOf(k, run), RowsOf(v, run), /*attn_mask=*/{},
        /*dropout_p=*/0.0, /*is_causal=*/true, scale, grouped);
    outputs.push_back(out.transpose(1, 2).reshape(
        {run.rows * run.length, q.size(1) * q.size(2)}));
  }
  return outputs.size() == 1 ? outputs[0] : at::cat(outputs, 0);
}

}  // namespace mneme
