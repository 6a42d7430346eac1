#ifndef MNEME_SERVER_SCHEDULE_DEVICE_LOAD_H_
#define MNEME_SERVER_SCHEDULE_DEVICE_LOAD_H_

#include <cstdint>
#include <deque>

#include "absl/time/time.h"
#include "server/schedule/scheduler_state.h"
#include "server/schedule/step_estimate.h"

namespace mneme {

// What a device was given to do, in order, and when it will be free.
// Thread-compatible; the scheduler's thread owns it.
class DeviceLoad {
 public:
  void Started(const void* model, int64_t rows, int64_t tokens,
               absl::Duration now);
  // The oldest batch ended. REQUIRES: there is one.
  void Ended(absl::Duration now);

  int64_t batches() const { return static_cast<int64_t>(batches_.size()); }
  // All of them, as if they were one.
  RunningBatch AsOne() const;
  // When it will be free, by what its steps are expected to take; since when it
  // is, if it is.
  absl::Duration Free(const StepEstimate& steps) const;

 private:
  struct Batch {
    const void* model = nullptr;
    int64_t rows = 0;
    int64_t tokens = 0;
    absl::Duration started;
  };

  std::deque<Batch> batches_;
  absl::Duration last_end_ = -absl::InfiniteDuration();
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_DEVICE_LOAD_H_
