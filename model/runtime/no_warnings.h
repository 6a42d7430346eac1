#ifndef MNEME_MODEL_RUNTIME_NO_WARNINGS_H_
#define MNEME_MODEL_RUNTIME_NO_WARNINGS_H_

// Private to CUDA builds of model/: this header includes torch.

#include <c10/util/Exception.h>

namespace mneme {

// Registering a kernel in the place of another warns; where it is meant, this
// takes the warnings.
struct NoWarnings : c10::WarningHandler {
  void process(const c10::Warning&) override {}
};

}  // namespace mneme

#endif  // MNEME_MODEL_RUNTIME_NO_WARNINGS_H_
