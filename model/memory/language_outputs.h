#ifndef MNEME_MODEL_MEMORY_LANGUAGE_OUTPUTS_H_
#define MNEME_MODEL_MEMORY_LANGUAGE_OUTPUTS_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/backbone/backbone.h"
#include "model/runtime/download.h"
#include "model/sequence_model.h"

namespace mneme {

// The outputs that every language model offers (OutputRequest lists them).
std::vector<TensorSpec> LanguageOutputs(int64_t vocab_size, int64_t width);

// One row of a finished step, as the outputs need it. Used within one call, on
// the thread that runs the model.
struct LanguageRow {
  // Token i's row of `hidden` is begin + i. Less than 0 where `hidden` lacks a
  // row's first tokens.
  int64_t begin = 0;
  absl::Span<const int32_t> tokens;
  bool fresh = false;  // its first token has nothing before it
  const OutputRequest* request = nullptr;  // null: no outputs
};

// How many of the row's last tokens' hidden states its outputs are made of. The
// last one's is always read: it is carried.
int64_t TokensRead(const LanguageRow& row);

// Whether the row's request needs `carried`.
bool NeedsCarried(const LanguageRow& row);

// The outputs of one batch, in two halves, so that nobody waits for the device
// in between.
class PendingOutputs {
 public:
  PendingOutputs();
  ~PendingOutputs();
  PendingOutputs(PendingOutputs&&) noexcept;
  PendingOutputs& operator=(PendingOutputs&&) noexcept;

  // Queues the work on the device and gives `download` what is to come down.
  // Only the positions that a request reads go through the head; no head runs
  // when none does. The first token is scored from `carried`: the last hidden
  // state of the segment before. The rows may go when this returns.
  //   hidden   [N, d], after the final norm: the rows' tokens behind each
  //            other, or of each row the last ones, TokensRead() or more
  //   carried  [rows, d]; may be undefined when no row asks for log_probs
  static PendingOutputs Begin(const Backbone& backbone,
                              const at::Tensor& hidden,
                              const at::Tensor& carried,
                              absl::Span<const LanguageRow> rows,
                              Download* download);

  // Each row's outputs, in the order of its request's names.
  // REQUIRES: the download was waited for. Any thread.
  std::vector<std::vector<HostTensor>> Take(const Download& download) const;

 private:
  class Group;

  size_t rows_ = 0;
  std::vector<Group> groups_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_LANGUAGE_OUTPUTS_H_
