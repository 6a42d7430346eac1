#include "server/schedule/device_load.h"

#include <algorithm>

namespace mneme {

void DeviceLoad::Started(const void* model, int64_t rows, int64_t tokens,
                         absl::Duration now) {
  batches_.push_back({model, rows, tokens, now});
}

void DeviceLoad::Ended(absl::Duration now) {
  batches_.pop_front();
  last_end_ = now;
}

RunningBatch DeviceLoad::AsOne() const {
  RunningBatch one;
  if (batches_.empty()) return one;
  one.model = batches_.front().model;
  one.started = std::max(batches_.front().started, last_end_);
  for (const Batch& batch : batches_) one.rows += batch.rows;
  return one;
}

absl::Duration DeviceLoad::Free(const StepEstimate& steps) const {
  if (batches_.empty()) return last_end_;
  absl::Duration free = std::max(batches_.front().started, last_end_);
  for (const Batch& batch : batches_) {
    free += steps.Expected(batch.model, batch.tokens);
  }
  return free;
}

}  // namespace mneme
