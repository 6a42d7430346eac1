#ifndef MNEME_MODEL_TRAIN_LM_TASK_H_
#define MNEME_MODEL_TRAIN_LM_TASK_H_

#include <atomic>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/train/eval_task.h"
#include "model/train/options.h"
#include "server/base/clock.h"

namespace mneme {

// `mneme-train lm`: trains a segment-recurrent byte language model and writes
// its model folder with train.csv and eval.json. Ends, always with a checkpoint
// and a usable model folder, when the tokens or the seconds are spent or when
// `*stop` becomes true. Runs on the calling thread, and is the one place of the
// trainer where torch's exceptions become a Status.
absl::StatusOr<LmScores> RunLmTask(const LmOptions& options, Clock* clock,
                                   const std::atomic<bool>* stop);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_LM_TASK_H_
