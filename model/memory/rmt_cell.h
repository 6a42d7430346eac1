#ifndef MNEME_MODEL_MEMORY_RMT_CELL_H_
#define MNEME_MODEL_MEMORY_RMT_CELL_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "model/backbone/backbone.h"

namespace mneme {

// Where tokens and memory lie in a packed batch of [memory; tokens; memory]
// rows: everything a step needs that depends on the rows' lengths only. Making
// one copies to the device; keep and reuse it for batches of the same shape, on
// the thread that runs the model.
struct RmtLayout {
  // `token_lengths`: tokens of each row, each >= 1. `num_memory` may be 0.
  // `read`: hidden states are wanted of each row's last `read` tokens, at most
  // the shortest row's; 0: of all.
  static RmtLayout Of(const std::vector<int64_t>& token_lengths,
                      int64_t num_memory, at::Device device, int64_t read = 0);

  int64_t rows = 0;
  int64_t num_memory = 0;
  int64_t read = 0;
  PackedLayout packed;  // of the rows with their memory tokens
  // I64, on the device, undefined for a uniform layout. `gather`: for each
  // packed position its row of [all memories; all tokens]. `token_rows`,
  // `memory_rows`: where tokens and written memory lie in the packed rows;
  // undefined where the layout reads less, too.
  at::Tensor gather, token_rows, memory_rows;
};

struct RmtOutput {
  // [N, d]: the token positions, packed, after the final norm; [B * read, d]
  // where the layout reads less.
  at::Tensor hidden;
  at::Tensor memory;  // [B, m, d]: the new memory; undefined when m = 0
};

// One segment of the recurrent memory transformer (Bulatov et al. 2022, the
// decoder form): the backbone runs over [memory; tokens; memory] with a causal
// mask, and what the last m positions become is the new memory. A pure function
// that autograd can record and a CUDA graph can capture.
//   ids     I64 [N], the rows' tokens behind each other
//   memory  [B, m, d], any floating dtype; undefined when m = 0
// The results have the dtype of the backbone's weights.
RmtOutput RmtStep(const Backbone& backbone, const at::Tensor& ids,
                  const RmtLayout& layout, const at::Tensor& memory);

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_RMT_CELL_H_
