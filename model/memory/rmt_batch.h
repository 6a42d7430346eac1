#ifndef MNEME_MODEL_MEMORY_RMT_BATCH_H_
#define MNEME_MODEL_MEMORY_RMT_BATCH_H_

// Private to model/: this header includes torch.

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "model/memory/language_outputs.h"
#include "model/sequence_model.h"

namespace mneme {

// A request that reads no more of a row's end than this has the last layer
// compute that much only.
inline constexpr int64_t kFewRead = 2;

// The rows of a step as the device takes them: sorted by length, longest first.
// A plain value; it points to what the rows point to.
struct RmtBatch {
  // `slots`: where each row's memory is; `initial`: where the initial one is.
  // REQUIRES: at least one row, and CheckRows() said OK.
  static RmtBatch Of(absl::Span<const StepRow> rows,
                     const std::vector<int64_t>& slots, int64_t initial);

  std::vector<size_t> order;  // batch row -> caller's row
  std::vector<int64_t> slots, lengths, ids;
  std::vector<int64_t> memory_slots;  // `slots`, the initial one where reset
  std::vector<LanguageRow> rows;
  std::vector<size_t> saved_rows;  // batch rows whose memories are saved
  std::vector<int64_t> last;  // each row's last token, in the hidden states
  bool needs_carried = false;
  int64_t read = 0;  // hidden states of each row's last tokens; 0: of all

 private:
  // Where each row's hidden states are, if at most `most_read` of its last
  // tokens' are read.
  void PlaceReads(int64_t most_read);
};

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_RMT_BATCH_H_
