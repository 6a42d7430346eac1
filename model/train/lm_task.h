#ifndef MNEME_MODEL_TRAIN_LM_TASK_H_
#define MNEME_MODEL_TRAIN_LM_TASK_H_

#include <atomic>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/train/options.h"
#include "server/base/clock.h"

namespace mneme {

// Bits per byte of the held-out splits: with memory carried, and with the
// initial memory before each segment. 0 for an empty split.
struct LmScores {
  double valid_carry = 0;
  double valid_reset = 0;
  double test_carry = 0;
  double test_reset = 0;
};

// `mneme-train lm`: trains a segment-recurrent byte language model and writes
// its model folder with train.csv and eval.json. Ends, always with a checkpoint
// and a usable model folder, when the tokens or the seconds are spent or when
// `*stop` becomes true. Runs on the calling thread, and is the one place of the
// trainer where torch's exceptions become a Status.
absl::StatusOr<LmScores> RunLmTask(const LmOptions& options, Clock* clock,
                                   const std::atomic<bool>* stop);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_LM_TASK_H_
