#ifndef MNEME_MODEL_BACKBONE_ATTENTION_H_
#define MNEME_MODEL_BACKBONE_ATTENTION_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <optional>

#include "model/backbone/backbone.h"

namespace mneme {

// Causal attention within each row: one fused call for each run of rows of
// equal length. q is [N, heads, dh]; k and v are [N, kv_heads, dh], where
// kv_heads divides heads (grouped-query attention). Strided views are welcome.
// Returns [N, heads * dh]. `scale` defaults to 1 / sqrt(dh). Where the layout
// reads less, q may hold those positions only, [rows * read, heads, dh]; so
// does then the result.
at::Tensor CausalAttention(const at::Tensor& q, const at::Tensor& k,
                           const at::Tensor& v, const PackedLayout& layout,
                           std::optional<double> scale = std::nullopt);

}  // namespace mneme

#endif  // MNEME_MODEL_BACKBONE_ATTENTION_H_
