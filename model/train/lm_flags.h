#ifndef MNEME_MODEL_TRAIN_LM_FLAGS_H_
#define MNEME_MODEL_TRAIN_LM_FLAGS_H_

#include "CLI/CLI.hpp"
#include "model/train/eval_task.h"
#include "model/train/options.h"

namespace mneme {

// Adds the flags of `mneme-train lm` to `app`. Parsing writes them into
// `options`, which must outlive it. Values are checked by Validate().
void AddLmFlags(CLI::App* app, LmOptions* options);
// The same for `mneme-train eval`.
void AddEvalFlags(CLI::App* app, EvalTaskOptions* options);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_LM_FLAGS_H_
