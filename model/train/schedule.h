#ifndef MNEME_MODEL_TRAIN_SCHEDULE_H_
#define MNEME_MODEL_TRAIN_SCHEDULE_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mneme {

// The learning rate over a run whose progress goes from 0 to 1: a linear
// warm-up to `peak`, then half a cosine down to `peak * final_fraction`.
// A value; thread-compatible.
struct LearningRate {
  double peak = 1.5e-3;
  double warmup = 0.02;          // share of the run
  double final_fraction = 0.02;  // of the peak, reached at progress 1

  double At(double progress) const;
};

// Through how many segments a gradient flows, over the progress of a run:
// "4" is always 4; "2:0.3,4:0.7" is 2 for the first 30 % of the run, then 4.
// Invariant: at least one stage; every stage's segments >= 1; shares add up
// to 1. A value; thread-compatible.
class BpttSchedule {
 public:
  static absl::StatusOr<BpttSchedule> Parse(absl::string_view text);

  int64_t At(double progress) const;
  int64_t max_segments() const;

 private:
  struct Stage {
    int64_t segments = 1;
    double share = 1.0;
  };

  static absl::StatusOr<Stage> ParseStage(absl::string_view text);

  std::vector<Stage> stages_;
};

}  // namespace mneme

#endif  // MNEME_MODEL_TRAIN_SCHEDULE_H_
