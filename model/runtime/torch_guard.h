#ifndef MNEME_MODEL_RUNTIME_TORCH_GUARD_H_
#define MNEME_MODEL_RUNTIME_TORCH_GUARD_H_

// Private to model/: this header includes torch.

#include <c10/core/InferenceMode.h>

#include <exception>
#include <utility>

#include "absl/status/status.h"

namespace mneme {

// The status of the exception that is being handled: RESOURCE_EXHAUSTED when
// host or device memory ran out, else INTERNAL. Called in a catch block.
absl::Status StatusOfException();

// Calls `work`, which returns a Status or StatusOr, in inference mode: the one
// place where LibTorch's exceptions end.
template <typename Work>
auto InInferenceMode(Work&& work) -> decltype(work()) {
  try {
    const c10::InferenceMode guard;
    return std::forward<Work>(work)();
  } catch (const std::exception&) {
    return StatusOfException();
  }
}

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_TORCH_GUARD_H_
