#ifndef MNEME_MODEL_LOAD_MODEL_H_
#define MNEME_MODEL_LOAD_MODEL_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "model/sequence_model.h"

namespace mneme {

struct ModelOptions {
  std::string device = "cpu";  // "cpu", "cuda" or "cuda:N"
  // Compute precision: "float32" or "bfloat16"; "": float32 on the CPU,
  // bfloat16 on CUDA. Memory is carried in the config's dtype either way.
  std::string precision;
  // Threads of one CPU operator; 0: as many as there are cores.
  int cpu_threads = 0;
};

// Reads a model folder (config.json, model.safetensors or its index) and builds
// the family that its "architecture" names. Errors name the file, the key and
// what was expected: NOT_FOUND (no such file), INVALID_ARGUMENT (unknown
// architecture, flag or rope_type; missing, extra or misshapen tensor),
// DATA_LOSS (truncated file, lying header), UNIMPLEMENTED (a pickle),
// FAILED_PRECONDITION (no such device).
absl::StatusOr<std::unique_ptr<SequenceModel>> LoadModel(
    const std::string& folder, const ModelOptions& options);

}  // namespace mneme

#endif  // MNEME_MODEL_LOAD_MODEL_H_
