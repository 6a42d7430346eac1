#ifndef MNEME_MODEL_TRAIN_LM_WINDOW_H_
#define MNEME_MODEL_TRAIN_LM_WINDOW_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/strings/string_view.h"
#include "model/backbone/backbone.h"
#include "model/memory/rmt_cell.h"

namespace mneme {

struct LmWindow {
  at::Tensor loss;    // float32 scalar: mean -ln P(byte | bytes before it)
  at::Tensor memory;  // [S, m, d] after the last segment; undefined when m = 0
};

// Runs S streams side by side over k segments, with the server's own step, and
// scores k * T bytes of each: the last position of a segment predicts the first
// byte of the next. Gradients flow through the memory between the segments; to
// cut them before the window, give a detached memory.
//   ids     I64 [S, k * T + 1]: what is read and, one to the right, predicted
//   layout  of S rows of T tokens
//   memory  [S, m, d]; undefined when m = 0
LmWindow RunLmWindow(const Backbone& backbone, const RmtLayout& layout,
                     const at::Tensor& ids, const at::Tensor& memory);

// The bytes as U8 [N] on `device`; a copy.
at::Tensor TextTensor(absl::string_view bytes, at::Device device);

// The bytes at offsets[s] .. offsets[s] + length of the ring `text` (U8 [N]),
// as I64 [S, length]. All on one device; nothing is copied to it.
at::Tensor ReadRing(const at::Tensor& text, const at::Tensor& offsets,
                    int64_t length);

// Sum over all positions of -ln softmax(logits)[target], float32 arithmetic.
//   hidden  [N, d], targets I64 [N]
at::Tensor SumOfLosses(const Backbone& backbone, const at::Tensor& hidden,
                       const at::Tensor& targets);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_LM_WINDOW_H_
