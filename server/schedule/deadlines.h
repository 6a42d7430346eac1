#ifndef MNEME_SERVER_SCHEDULE_DEADLINES_H_
#define MNEME_SERVER_SCHEDULE_DEADLINES_H_

#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/schedule/batch_options.h"
#include "server/schedule/scheduler_state.h"
#include "server/schedule/waiting_segment.h"

namespace mneme {

// Which deadlines can be met by the batch that starts next, by what the model's
// steps took in the last second. What is older is not believed, and then every
// deadline that has not passed can: if a guess was wrong, a step a second mends
// it.
class Deadlines {
 public:
  // `state` must outlive this.
  Deadlines(absl::Span<const WaitingSegment> queue, absl::Duration now,
            const BatchPolicyOptions& options, const SchedulerState& state);

  // It was cancelled, or would be late though it ran next.
  bool IsHopeless(const WaitingSegment& segment);

  // Whether a batch of so many tokens is done by then; of half of those there
  // are, if that is more. So far a batch is cut down for a deadline: less would
  // let one impatient client take the device from all others.
  bool CanMeet(absl::Duration deadline, const void* model, int64_t tokens);

 private:
  // What waits for a model.
  struct Work {
    const void* model = nullptr;
    int64_t rows = 0;
    int64_t tokens = 0;
  };

  Work& WorkOf(const void* model);
  absl::Duration Step(const void* model, int64_t tokens);

  const absl::Duration now_;
  const absl::Duration start_;
  const SchedulerState& state_;
  std::vector<Work> work_;  // by model; tokens: of half a batch
  // The last answer of Step().
  const void* model_ = nullptr;
  int64_t tokens_ = 0;
  absl::Duration step_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_DEADLINES_H_
