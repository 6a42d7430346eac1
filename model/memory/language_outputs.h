#ifndef MNEME_MODEL_MEMORY_LANGUAGE_OUTPUTS_H_
#define MNEME_MODEL_MEMORY_LANGUAGE_OUTPUTS_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/backbone/backbone.h"
#include "model/sequence_model.h"

namespace mneme {

// The outputs that every language model offers (OutputRequest lists them).
std::vector<TensorSpec> LanguageOutputs(int64_t vocab_size, int64_t width);

// One row of a finished step, as the outputs need it. Used within one call, on
// the thread that runs the model.
struct LanguageRow {
  int64_t begin = 0;  // its first token's row of `hidden`
  absl::Span<const int32_t> tokens;
  bool fresh = false;  // its first token has nothing before it
  const OutputRequest* request = nullptr;  // null: no outputs
};

// Makes each row's outputs, in the order of its request's names. Only the
// positions that a request reads go through the head; no head runs when none
// does. The first token is scored from `carried`: the last hidden state of the
// segment before.
//   hidden   [N, d], the rows' tokens behind each other, after the final norm
//   carried  [rows, d]; may be undefined when no row asks for log_probs
std::vector<std::vector<HostTensor>> MakeLanguageOutputs(
    const Backbone& backbone, const at::Tensor& hidden,
    const at::Tensor& carried, absl::Span<const LanguageRow> rows);

// Whether the row's request needs `carried`.
bool NeedsCarried(const LanguageRow& row);

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_LANGUAGE_OUTPUTS_H_
