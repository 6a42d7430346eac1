#ifndef MNEME_MODEL_TRAIN_TRAIN_LOG_H_
#define MNEME_MODEL_TRAIN_TRAIN_LOG_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace mneme {

// One line of train.csv and of the progress on standard error.
struct TrainLogEntry {
  int64_t update = 0;
  int64_t tokens = 0;
  double seconds = 0;   // of training so far
  double progress = 0;  // 0 to 1
  int64_t bptt = 0;
  double rate = 0;
  double bits_per_byte = 0;  // training loss since the last line
  double gradient_norm = 0;
  int64_t skipped = 0;
  // Of the valid split, where it was evaluated.
  std::optional<double> valid_carry, valid_reset;
};

// Writes the CSV log, and tells progress (speed, loss, time to go) on standard
// error: one line that renews itself on a terminal, else a line every ten
// seconds. Used by one thread.
class TrainLog {
 public:
  // Goes on with the file `path`: lines after `last_update` are dropped, as
  // they are of a run that was cut off after its last checkpoint.
  static absl::StatusOr<std::unique_ptr<TrainLog>> Create(
      const std::string& path, int64_t last_update);

  // `recent_speed` is in tokens a second.
  absl::Status Add(const TrainLogEntry& entry, double recent_speed);

  // A message on a line of its own, on standard error.
  void Say(const std::string& message);

  static std::string CsvHeader();
  static std::string CsvLine(const TrainLogEntry& entry);
  static std::string ProgressLine(const TrainLogEntry& entry,
                                  double recent_speed);

 private:
  explicit TrainLog(const std::string& path);

  const std::string path_;
  const bool terminal_;
  std::ofstream file_;
  double last_told_ = -1e9;  // seconds of training at the last progress line
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_TRAIN_LOG_H_
