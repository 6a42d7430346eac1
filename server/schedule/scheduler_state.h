#ifndef MNEME_SERVER_SCHEDULE_SCHEDULER_STATE_H_
#define MNEME_SERVER_SCHEDULE_SCHEDULER_STATE_H_

#include <algorithm>
#include <cstdint>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/schedule/fair_share.h"
#include "server/schedule/return_estimate.h"
#include "server/schedule/step_estimate.h"

namespace mneme {

// The batch on the device; of several, all of them, as if they were one.
struct RunningBatch {
  const void* model = nullptr;
  int64_t rows = 0;  // 0: the device is idle
  absl::Duration started;
};

// What the batch policy knows beside the queue. What is pointed to is only
// read; null: nothing is known.
struct SchedulerState {
  RunningBatch running;
  // When the device will be free, as far as can be told (it may have passed),
  // or since when it is.
  absl::Duration device_free = -absl::InfiniteDuration();
  absl::Span<const TenantShare> tenants;
  const StepEstimate* steps = nullptr;
  const ReturnEstimate* returns = nullptr;

  bool is_busy() const { return running.rows > 0; }
  // The soonest that another batch can start.
  absl::Duration NextStart(absl::Duration now) const {
    return is_busy() ? std::max(now, device_free) : now;
  }
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_SCHEDULER_STATE_H_
