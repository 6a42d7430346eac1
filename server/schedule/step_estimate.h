#ifndef MNEME_SERVER_SCHEDULE_STEP_ESTIMATE_H_
#define MNEME_SERVER_SCHEDULE_STEP_ESTIMATE_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"

namespace mneme {

// How long a batch takes, learned from those that ran: a moving average for
// each size of batch. Sizes are counted in tokens, which full and short
// segments have in common, and told apart by a fifth.
//
// A guess errs on the short side: it falls faster than it rises, since a first
// step of a size may take a hundred times the next, and no guess is zero.
// Thread-compatible; the scheduler's thread owns it.
class StepEstimate {
 public:
  // A batch of `tokens` tokens ran well, for `step`, and was done at `now`.
  void Record(const void* model, int64_t tokens, absl::Duration step,
              absl::Duration now);

  // What a batch of so many tokens takes. Between sizes that ran, in
  // proportion; zero for a model that nothing is known of.
  absl::Duration Expected(const void* model, int64_t tokens) const;
  // Where lateness matters, a step is taken to be so much longer.
  static constexpr double kCaution = 1.125;

  // When the model ran last, as far as Record() was told.
  absl::Duration LastRun(const void* model) const;

 private:
  static constexpr size_t kSizes = 160;  // four to a doubling

  // Tokens and seconds: averages of what fell into the size.
  struct Size {
    double tokens = 0;  // 0: nothing did
    double seconds = 0;
  };
  struct Model {
    std::array<Size, kSizes> sizes;
    absl::Duration last_run;
  };

  static size_t SizeOf(int64_t tokens);

  absl::flat_hash_map<const void*, Model> models_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_STEP_ESTIMATE_H_
