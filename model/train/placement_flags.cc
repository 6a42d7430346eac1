#include "model/train/placement_flags.h"

#include "absl/strings/str_cat.h"
#include "model/train/flag_checks.h"
#include "server/base/status_macros.h"

namespace mneme {

absl::StatusOr<Placement> PlacementOfFlags(const std::string& device,
                                           const std::string& precision,
                                           int threads) {
  RETURN_IF_ERROR(CheckAtLeast("--threads", threads, 0));
  ModelOptions options;
  options.device = device;
  options.precision = precision;
  options.cpu_threads = threads;
  auto placement = PlacementOf(options);
  if (placement.ok()) return placement;
  // Its messages begin with the option's name, which is the flag's.
  return absl::Status(placement.status().code(),
                      absl::StrCat("--", placement.status().message()));
}

}  // namespace mneme
