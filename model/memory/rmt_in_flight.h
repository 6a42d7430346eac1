#ifndef MNEME_MODEL_MEMORY_RMT_IN_FLIGHT_H_
#define MNEME_MODEL_MEMORY_RMT_IN_FLIGHT_H_

// Private to model/: this header includes torch.

#include <vector>

#include "absl/status/statusor.h"
#include "model/memory/language_outputs.h"
#include "model/runtime/download.h"
#include "model/sequence_model.h"

namespace mneme {

// A batch of a recurrent memory transformer that the device computes: what its
// Start() has ready, and what is still to come down.
class RmtInFlight final : public StepInFlight {
 public:
  std::vector<size_t> order;  // batch row -> caller's row
  std::vector<MemoryRef> memories;
  PendingOutputs outputs;
  Download download;
  // Batch rows whose memories come down: row i of the download's `saved`.
  std::vector<size_t> saved_rows;
  size_t saved = 0;

  absl::StatusOr<std::vector<StepResult>> Wait() override;
};

}  // namespace mneme

#endif  // MNEME_MODEL_MEMORY_RMT_IN_FLIGHT_H_
