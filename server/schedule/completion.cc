#include "server/schedule/completion.h"

#include <algorithm>
#include <utility>

namespace mneme {

Completion::Completion(Clock* clock, Finished finished)
    : clock_(clock),
      finished_(std::move(finished)),
      thread_([this] { Run(); }) {}

Completion::~Completion() {
  {
    MutexLock lock(&mu_);
    closed_ = true;
  }
  work_.notify_all();
  thread_.join();
}

void Completion::Push(StartedBatch batch) {
  MutexLock lock(&mu_);
  running_.push_back(std::move(batch));
  work_.notify_one();
}

bool Completion::Take(StartedBatch* batch) {
  MutexLock lock(&mu_);
  while (running_.empty() && !closed_) lock.Wait(work_);
  if (running_.empty()) return false;
  *batch = std::move(running_.front());
  running_.pop_front();
  return true;
}

void Completion::Run() {
  absl::Duration free;  // when the device had done the batch before
  StartedBatch batch;
  while (Take(&batch)) {
    absl::StatusOr<std::vector<StepResult>> results = batch.step->Wait();
    const absl::Duration now = clock_->Monotonic();
    const absl::Duration device = now - std::max(batch.started, free);
    free = now;
    finished_(std::move(batch), std::move(results), device);
  }
}

}  // namespace mneme
