#ifndef MNEME_MODEL_TRAIN_PLACEMENT_FLAGS_H_
#define MNEME_MODEL_TRAIN_PLACEMENT_FLAGS_H_

// Private to model/: this header includes torch.

#include <string>

#include "absl/status/statusor.h"
#include "model/runtime/device.h"

namespace mneme {

// What --device, --precision and --threads ask for, by the server's own rules;
// sets the process's CPU threads. Errors name the flag: INVALID_ARGUMENT, or
// FAILED_PRECONDITION when this machine has no such device.
absl::StatusOr<Placement> PlacementOfFlags(const std::string& device,
                                           const std::string& precision,
                                           int threads);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_PLACEMENT_FLAGS_H_
