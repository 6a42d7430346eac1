#ifndef MNEME_MODEL_HOST_MODEL_H_
#define MNEME_MODEL_HOST_MODEL_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/sequence_model.h"

namespace mneme {

// A model that has no device: Start() computes on the calling thread.
class HostModel : public SequenceModel {
 public:
  absl::StatusOr<std::unique_ptr<StepInFlight>> Start(
      absl::Span<const StepRow> rows) final;

 private:
  // The step, without StepResult::saved_memory. Contract and errors as Start's.
  virtual absl::StatusOr<std::vector<StepResult>> Apply(
      absl::Span<const StepRow> rows) = 0;
};

}  // namespace mneme

#endif  // MNEME_MODEL_HOST_MODEL_H_
