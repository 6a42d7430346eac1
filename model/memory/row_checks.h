#ifndef MNEME_MODEL_MEMORY_ROW_CHECKS_H_
#define MNEME_MODEL_MEMORY_ROW_CHECKS_H_

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "model/sequence_model.h"

namespace mneme {

// Checks every row of a batch against StepRow's contract, as far as `spec`
// tells it: lengths, token ids, memory present, extra inputs, outputs and k.
// INVALID_ARGUMENT names the row and the field. Families call it first in Start
// or Apply.
absl::Status CheckRows(const ModelSpec& spec, absl::Span<const StepRow> rows);

// An INVALID_ARGUMENT about rows[row].
absl::Status RowError(size_t row, absl::string_view problem);

// True when the row asks for any output.
inline bool WantsOutputs(const StepRow& row) {
  return row.request != nullptr && !row.request->names.empty();
}

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_ROW_CHECKS_H_
