#ifndef MNEME_SERVER_SCHEDULE_SCHEDULER_H_
#define MNEME_SERVER_SCHEDULE_SCHEDULER_H_

#include <condition_variable>
#include <deque>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/schedule/batch_policy.h"
#include "server/schedule/completion.h"
#include "server/schedule/step_task.h"

namespace mneme {

// Told about each step that ran, a failed one too; server/observe makes metrics
// of it. Called on the scheduler's threads with no lock held; must not block.
class BatchObserver {
 public:
  virtual ~BatchObserver() = default;
  virtual void OnBatch(const ModelSpec& model, int64_t rows, int64_t tokens,
                       absl::Duration device) = 0;
};

// The ready set and the thread that runs it on the device. A session has at
// most one task here, so any tasks may share a batch. While the device runs one
// batch the next is started behind it, and tasks gather for the one after; the
// batch policy picks it when there is room.
//
// A row that fails is answered alone: of a batch whose step fails the halves
// are run, down to one row. Steps are pure, so that changes nothing else.
//
// Submit never blocks and may be called from any thread. The executor thread
// is the only one that touches the models' Start and Load; a completion thread
// waits for the device and calls `done`, which only moves results on.
// Destruction finishes what was submitted.
class Scheduler {
 public:
  struct Options {
    BatchPolicyOptions batch;
    // Tasks waiting; above it Submit is refused with QUEUE_FULL.
    int64_t max_waiting = 16384;
  };

  Scheduler(const Options& options, Clock* clock, BatchObserver* observer);
  ~Scheduler();

  // Takes the task; calls its `done` with RESOURCE_EXHAUSTED (QUEUE_FULL) at
  // once when there is no room.
  void Submit(StepTask task) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t waiting() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Picked by the policy; or to be run again, as it is.
  struct Batch {
    std::vector<StepTask> dropped;
    std::vector<StepTask> tasks;
  };

  void Run();
  // Waits for something to start and room on the device; false at the end.
  bool AwaitWork() ABSL_LOCKS_EXCLUDED(mu_);
  Batch TakeBatch() ABSL_LOCKS_EXCLUDED(mu_);
  // Asks the policy about ready_, whose tasks may be many and whose
  // `cancelled` is foreign code: hence not under the lock.
  Batch NextBatch() ABSL_LOCKS_EXCLUDED(mu_);
  void StartBatch(std::vector<StepTask> tasks) ABSL_LOCKS_EXCLUDED(mu_);
  void OnFinished(RunningBatch batch,
                  absl::StatusOr<std::vector<StepResult>> results,
                  absl::Duration device) ABSL_LOCKS_EXCLUDED(mu_);
  // One row is answered; of more the halves are run again.
  void Fail(std::vector<StepTask> tasks, const absl::Status& status)
      ABSL_LOCKS_EXCLUDED(mu_);

  const Options options_;
  Clock* const clock_;
  BatchObserver* const observer_;

  std::deque<StepTask> ready_;  // the executor's own; older than the inbox

  mutable Mutex mu_;
  std::condition_variable work_;
  std::deque<StepTask> inbox_ ABSL_GUARDED_BY(mu_);
  int64_t waiting_ ABSL_GUARDED_BY(mu_) = 0;  // in ready_ and inbox_
  std::deque<std::vector<StepTask>> again_ ABSL_GUARDED_BY(mu_);
  int64_t in_flight_ ABSL_GUARDED_BY(mu_) = 0;  // batches, not yet finished
  bool closed_ ABSL_GUARDED_BY(mu_) = false;

  // Last, in this order: they use everything above, the executor the
  // completion too.
  Completion completion_;
  std::thread executor_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_SCHEDULER_H_
