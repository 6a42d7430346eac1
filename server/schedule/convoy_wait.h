#ifndef MNEME_SERVER_SCHEDULE_CONVOY_WAIT_H_
#define MNEME_SERVER_SCHEDULE_CONVOY_WAIT_H_

#include <cstdint>

#include "absl/time/time.h"
#include "server/schedule/batch_options.h"
#include "server/schedule/scheduler_state.h"

namespace mneme {

// A batch that could run now.
struct BatchInView {
  const void* model = nullptr;
  int64_t rows = 0;
  int64_t tokens = 0;
  int64_t room = 0;        // rows that still fit
  int64_t waiting = 0;     // segments, also those that are not in it
  absl::Duration arrived;  // when its oldest segment did
  absl::Duration deadline = absl::InfiniteDuration();  // its earliest
};

struct ConvoyWait {
  // When to ask again; not after now: the batch runs.
  absl::Duration until = -absl::InfiniteDuration();
  int64_t arrivals = 0;  // or sooner, once so many more have arrived
};

// Sessions that were answered together come back together, a little later. A
// free device that takes whoever is first splits them into small batches, one
// behind the other, and never joins them again. So it waits for those who are
// about to return, where that pays: where they would lose more by waiting for
// the next step than those who are there lose by waiting for them. The bounds
// are in BatchPolicyOptions; no deadline is missed for it. A pure function.
ConvoyWait DecideConvoyWait(const BatchInView& batch, absl::Duration now,
                            const BatchPolicyOptions& options,
                            const SchedulerState& state);

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_CONVOY_WAIT_H_
