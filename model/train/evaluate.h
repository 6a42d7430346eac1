#ifndef MNEME_MODEL_TRAIN_EVALUATE_H_
#define MNEME_MODEL_TRAIN_EVALUATE_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/strings/string_view.h"
#include "model/backbone/backbone.h"

namespace mneme {

struct EvalOptions {
  int64_t streams = 1;  // contiguous parts that are read side by side
  int64_t segment = 1;
  // memory_policy RESET: the initial memory before each segment. The first byte
  // of a segment is scored from the hidden state before it either way.
  bool reset = false;
};

struct EvalResult {
  double bits_per_byte = 0;
  int64_t scored = 0;
};

// Scores `text` (U8 [N], on the model's device) as the server does: each byte
// given all before it in its stream, the first of a segment from the last
// hidden state of the segment before. A stream's first byte is neither scored
// nor counted, nor are the N mod streams last bytes of the text.
//   initial  [m, d]; undefined when there is no memory
EvalResult Evaluate(const Backbone& backbone, const at::Tensor& initial,
                    const at::Tensor& text, const EvalOptions& options);

// The same for bytes in host memory, in at most options.streams streams: fewer
// where a stream would be shorter than a segment.
EvalResult EvaluateText(const Backbone& backbone, const at::Tensor& initial,
                        absl::string_view text, at::Device device,
                        EvalOptions options);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_EVALUATE_H_
