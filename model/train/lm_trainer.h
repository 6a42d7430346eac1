#ifndef MNEME_MODEL_TRAIN_LM_TRAINER_H_
#define MNEME_MODEL_TRAIN_LM_TRAINER_H_

// Private to model/: this header includes torch.

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/backbone/backbone.h"
#include "model/runtime/device.h"
#include "model/train/corpus.h"
#include "model/train/evaluate.h"
#include "model/train/flat_parameters.h"
#include "model/train/options.h"
#include "model/train/schedule.h"
#include "model/train/stream_sampler.h"
#include "model/train/train_checkpoint.h"
#include "model/train/train_step.h"

namespace mneme {

// The state of one training run: model, optimiser, streams and counters, as
// they go on from update to update. Knows no clock and no files; RunLmTask
// drives it. A run that is saved and restored goes on as if it had not been
// stopped: bit for bit on the CPU. Used by one thread, inside a
// DeviceStreams::Scope.
class LmTrainer {
 public:
  static absl::StatusOr<std::unique_ptr<LmTrainer>> Create(
      const LmOptions& options, const Corpus& corpus);

  // One update, at `progress` (0 to 1) of the run.
  void Update(double progress);

  // Since the last call; waits for the device.
  TrainStep::Progress ReadProgress() { return step_->Read(); }

  // The first `bytes` of a split (0: all).
  EvalResult Score(absl::string_view split, int64_t bytes, bool reset) const;

  TrainCheckpoint Save() const;
  // FAILED_PRECONDITION that names what differs when the checkpoint is of
  // another run (run_identity.h); DATA_LOSS when something is missing in it.
  absl::Status Restore(const TrainCheckpoint& checkpoint);

  int64_t updates() const { return updates_; }
  int64_t tokens() const { return tokens_; }
  int64_t bptt(double progress) const { return bptt_.At(progress); }
  double rate(double progress) const { return rate_.At(progress); }
  const FlatParameters& parameters() const { return *parameters_; }
  bool has_memory() const { return parameters_->memory().defined(); }

 private:
  LmTrainer(const LmOptions& options, const Placement& place, BpttSchedule bptt,
            const StreamSampler& sampler);
  absl::Status Build(const Corpus& corpus);
  absl::Status RestoreCounters(const TrainCheckpoint& checkpoint);

  const LmOptions options_;
  const Placement place_;
  const BpttSchedule bptt_;
  const LearningRate rate_;
  StreamSampler sampler_;
  nlohmann::json identity_;  // of the run: what a checkpoint must be of
  std::unique_ptr<FlatParameters> parameters_;
  std::unique_ptr<Backbone> backbone_;
  std::unique_ptr<TrainStep> step_;
  int64_t updates_ = 0;
  int64_t tokens_ = 0;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_LM_TRAINER_H_
