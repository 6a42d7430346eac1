#include "model/train/lm_task.h"

#include <algorithm>
#include <cmath>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/checkpoint/durable_file.h"
#include "model/runtime/device_streams.h"
#include "model/runtime/torch_guard.h"
#include "model/train/lm_trainer.h"
#include "model/train/placement_flags.h"
#include "model/train/train_log.h"
#include "model/train/training_kernels.h"
#include "model/train/write_model_folder.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Updates left out one after the other for want of a finite gradient; more
// means that the run has diverged.
constexpr int64_t kMostSkipped = 100;

class LmTask {
 public:
  LmTask(const LmOptions& options, const Corpus& corpus, Clock* clock,
         const std::atomic<bool>* stop)
      : options_(options), corpus_(corpus), clock_(clock), stop_(stop) {}

  absl::StatusOr<LmScores> Run();

 private:
  absl::Status Start();
  absl::Status Train();
  absl::Status Report(bool last);
  absl::Status CheckSkipped(int64_t skipped);
  absl::Status Save();
  LmScores ScoreAll() const;
  absl::Status WriteScores(const LmScores& scores) const;

  double Elapsed() const {
    return absl::ToDoubleSeconds(clock_->Monotonic() - started_);
  }
  double Seconds() const { return seconds_before_ + Elapsed(); }
  double Progress() const;
  bool Finished() const;
  std::string CheckpointFolder() const {
    return options_.checkpoints.empty() ? options_.out + "/checkpoint"
                                        : options_.checkpoints;
  }

  const LmOptions& options_;
  const Corpus& corpus_;
  Clock* const clock_;
  const std::atomic<bool>* const stop_;
  std::unique_ptr<LmTrainer> trainer_;
  std::unique_ptr<TrainLog> log_;
  absl::Duration started_;
  double seconds_before_ = 0;  // of training, in the runs resumed from
  double last_report_ = 0, last_eval_ = 0, last_save_ = 0;  // Elapsed()
  int64_t tokens_reported_ = 0;
  int64_t updates_reported_ = 0;
  int64_t skipped_ = 0;         // updates, up to the last report
  int64_t skipped_in_row_ = 0;  // since the last that was not
};

double LmTask::Progress() const {
  if (options_.tokens > 0) {
    return static_cast<double>(trainer_->tokens()) /
           static_cast<double>(options_.tokens);
  }
  return Seconds() / options_.seconds;
}

bool LmTask::Finished() const {
  if (stop_->load() || Progress() >= 1.0) return true;
  return options_.seconds > 0 && Elapsed() >= options_.seconds;
}

absl::Status LmTask::Start() {
  std::error_code error;
  std::filesystem::create_directories(options_.out, error);
  if (error) {
    return absl::InvalidArgumentError(
        absl::StrCat("--out ", options_.out, ": ", error.message()));
  }
  ASSIGN_OR_RETURN(trainer_, LmTrainer::Create(options_, corpus_));
  if (options_.resume) {
    auto checkpoint = LoadCheckpoint(CheckpointFolder());
    if (checkpoint.ok()) {
      RETURN_IF_ERROR(trainer_->Restore(*checkpoint));
      ASSIGN_OR_RETURN(seconds_before_, checkpoint->Seconds());
    } else if (!absl::IsNotFound(checkpoint.status())) {
      return checkpoint.status();
    }
  }
  ASSIGN_OR_RETURN(
      log_, TrainLog::Create(options_.out + "/train.csv", trainer_->updates()));
  log_->Say(absl::StrFormat(
      "%s: %d parameters, %d streams, segment %d, memory %d, bptt %s, %s%s",
      options_.model.name, trainer_->parameters().count(), options_.streams,
      options_.model.segment, options_.model.memory, options_.bptt,
      options_.device,
      trainer_->updates() > 0
          ? absl::StrFormat(", resumed after update %d", trainer_->updates())
          : ""));
  return absl::OkStatus();
}

absl::Status LmTask::Save() {
  TrainCheckpoint checkpoint = trainer_->Save();
  checkpoint.state["seconds"] = Seconds();
  RETURN_IF_ERROR(SaveCheckpoint(CheckpointFolder(), checkpoint,
                                 options_.checkpoint_piece_bytes));
  last_save_ = Elapsed();
  return WriteModelFolder(
      options_.out, ModelConfigJson(options_.model), trainer_->parameters(),
      options_.weights_dtype == "float32" ? at::kFloat : at::kBFloat16);
}

absl::Status LmTask::CheckSkipped(int64_t skipped) {
  const int64_t fresh = skipped - skipped_;
  const bool all = fresh == trainer_->updates() - updates_reported_;
  skipped_in_row_ = all ? skipped_in_row_ + fresh : 0;
  skipped_ = skipped;
  updates_reported_ = trainer_->updates();
  if (skipped_in_row_ < kMostSkipped) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(
      "training diverged: the gradients of the last ", skipped_in_row_,
      " updates, up to ", trainer_->updates(),
      ", were not finite; lower --lr, and --resume from the last checkpoint"));
}

absl::Status LmTask::Report(bool last) {
  const TrainStep::Progress read = trainer_->ReadProgress();
  TrainLogEntry entry;
  entry.update = trainer_->updates();
  entry.tokens = trainer_->tokens();
  entry.seconds = Seconds();
  entry.progress = std::min(1.0, Progress());
  entry.bptt = trainer_->bptt(entry.progress);
  entry.rate = trainer_->rate(entry.progress);
  entry.bits_per_byte = read.loss / std::log(2.0);
  entry.gradient_norm = read.gradient_norm;
  entry.skipped = read.skipped;
  RETURN_IF_ERROR(CheckSkipped(read.skipped));
  const bool due =
      options_.eval_every > 0 && Elapsed() - last_eval_ >= options_.eval_every;
  if (due && !last && !corpus_.valid().empty()) {
    const auto valid = corpus_.valid();
    entry.valid_carry =
        trainer_->Score(valid, options_.eval_bytes, false).bits_per_byte;
    entry.valid_reset =
        trainer_->Score(valid, options_.eval_bytes, true).bits_per_byte;
    last_eval_ = Elapsed();
  }
  const double speed =
      static_cast<double>(trainer_->tokens() - tokens_reported_) /
      std::max(1e-9, entry.seconds - seconds_before_ - last_report_);
  tokens_reported_ = trainer_->tokens();
  last_report_ = Elapsed();
  return log_->Add(entry, speed);
}

absl::Status LmTask::Train() {
  started_ = clock_->Monotonic();
  tokens_reported_ = trainer_->tokens();
  updates_reported_ = trainer_->updates();
  while (!Finished()) {
    trainer_->Update(Progress());
    if (trainer_->updates() % options_.log_every != 0) continue;
    RETURN_IF_ERROR(Report(/*last=*/false));
    if (options_.checkpoint_every > 0 &&
        Elapsed() - last_save_ >= options_.checkpoint_every) {
      RETURN_IF_ERROR(Save());
    }
  }
  if (trainer_->tokens() > tokens_reported_) {
    RETURN_IF_ERROR(Report(/*last=*/true));
  }
  return Save();
}

LmScores LmTask::ScoreAll() const {
  const auto score = [this](absl::string_view split, bool reset) {
    return split.empty() ? 0.0 : trainer_->Score(split, 0, reset).bits_per_byte;
  };
  return {score(corpus_.valid(), false), score(corpus_.valid(), true),
          score(corpus_.test(), false), score(corpus_.test(), true)};
}

absl::Status LmTask::WriteScores(const LmScores& scores) const {
  const nlohmann::json report = {{"data_sha256", corpus_.sha256()},
                                 {"updates", trainer_->updates()},
                                 {"tokens", trainer_->tokens()},
                                 {"seconds", Seconds()},
                                 {"parameters", trainer_->parameters().count()},
                                 {"eval_streams", options_.eval_streams},
                                 {"bits_per_byte",
                                  {{"valid_carry", scores.valid_carry},
                                   {"valid_reset", scores.valid_reset},
                                   {"test_carry", scores.test_carry},
                                   {"test_reset", scores.test_reset}}}};
  return WriteDurably(options_.out + "/eval.json", report.dump(1) + "\n");
}

absl::StatusOr<LmScores> LmTask::Run() {
  RETURN_IF_ERROR(Start());
  RETURN_IF_ERROR(Train());
  const LmScores scores = ScoreAll();
  log_->Say(absl::StrFormat(
      "%s: bits per byte: valid %.4f (memory reset: %.4f), test %.4f (%.4f); "
      "%d tokens, %.0f s",
      options_.model.name, scores.valid_carry, scores.valid_reset,
      scores.test_carry, scores.test_reset, trainer_->tokens(), Seconds()));
  RETURN_IF_ERROR(WriteScores(scores));
  return scores;
}

}  // namespace

absl::StatusOr<LmScores> RunLmTask(const LmOptions& options, Clock* clock,
                                   const std::atomic<bool>* stop) {
  RETURN_IF_ERROR(Validate(options));
  ASSIGN_OR_RETURN(
      const Corpus corpus,
      Corpus::Load(options.data, options.splits, options.data_sha256));
  ASSIGN_OR_RETURN(
      const Placement place,
      PlacementOfFlags(options.device, options.precision, options.threads));
  try {
    if (place.device.is_cuda() && options.kernels) UseTrainingKernels();
    const DeviceStreams streams(place.device);
    const DeviceStreams::Scope scope(streams);
    return LmTask(options, corpus, clock, stop).Run();
  } catch (const std::exception&) {
    return StatusOfException();
  }
}

}  // namespace mneme
