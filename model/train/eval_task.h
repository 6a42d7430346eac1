#ifndef MNEME_MODEL_TRAIN_EVAL_TASK_H_
#define MNEME_MODEL_TRAIN_EVAL_TASK_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/train/corpus.h"

namespace mneme {

// Bits per byte of the held-out splits: with memory carried, and with the
// initial memory before each segment. 0 for an empty split.
struct LmScores {
  double valid_carry = 0;
  double valid_reset = 0;
  double test_carry = 0;
  double test_reset = 0;
};

// What `mneme-train eval` is told.
struct EvalTaskOptions {
  std::string model;  // a model folder with the tokenizer "bytes"
  std::string data;
  std::string data_sha256;
  SplitSizes splits;
  int64_t streams = 64;
  std::string device = "cpu";
  std::string precision;  // "": bfloat16 on CUDA, float32 on the CPU
  int threads = 0;
};

// As Validate(LmOptions).
absl::Status Validate(const EvalTaskOptions& options);

// Scores a model folder on the valid and test splits of a text, as training
// does at its end. Errors as Validate()'s, LoadModel's and Corpus::Load's.
absl::StatusOr<LmScores> RunEvalTask(const EvalTaskOptions& options);

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_EVAL_TASK_H_
