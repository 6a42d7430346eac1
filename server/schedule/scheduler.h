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
#include "server/schedule/fair_share.h"
#include "server/schedule/return_estimate.h"
#include "server/schedule/step_estimate.h"
#include "server/schedule/step_task.h"
#include "server/schedule/waiting_room.h"

namespace mneme {

// Told about each step that ran, a failed one too; server/observe makes metrics
// of it. Called on the executor thread with no lock held; must not block.
class BatchObserver {
 public:
  virtual ~BatchObserver() = default;
  virtual void OnBatch(const ModelSpec& model, int64_t rows, int64_t tokens,
                       absl::Duration device) = 0;
};

// The ready set and the thread that runs it on the device. A session has at
// most one task here, so any tasks may share a batch. Tasks gather while a
// batch runs; when the device is free the batch policy picks the next one.
//
// A row that fails is answered alone: of a batch whose step fails the halves
// are run, down to one row. Steps are pure, so that changes nothing else.
//
// Submit never blocks and may be called from any thread. The executor thread
// is the only one that touches the models' Step, Save and Load; it does
// nothing else: `done` callbacks only move results on. Destruction finishes
// what was submitted.
class Scheduler {
 public:
  struct Options {
    BatchPolicyOptions batch;
    // Tasks waiting; above it Submit is refused with QUEUE_FULL.
    int64_t max_waiting = 16384;
    // What one tenant can have of these; see WaitingRoom.
    double max_tenant_part = 0.5;
    // Of tenants that compete; those not named have 1.
    FairShare::Weights tenant_weights = {};
  };

  Scheduler(const Options& options, Clock* clock, BatchObserver* observer);
  ~Scheduler();

  // Takes the task; calls its `done` with RESOURCE_EXHAUSTED (QUEUE_FULL) at
  // once when there is no room.
  void Submit(StepTask task) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t waiting() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Batch {
    std::vector<StepTask> dropped;
    std::vector<StepTask> tasks;
  };

  void Run();
  // Waits until the policy is to be asked, and moves what came to ready_; false
  // at the end.
  bool TakeInbox() ABSL_LOCKS_EXCLUDED(mu_);
  bool IsDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SchedulerState State() const;
  // Takes the tasks that a decision names from ready_.
  Batch TakeDecided(const BatchDecision& decision) ABSL_LOCKS_EXCLUDED(mu_);
  // Asks the policy about ready_, whose tasks may be many and whose
  // `cancelled` is foreign code: hence not under the lock.
  Batch NextBatch() ABSL_LOCKS_EXCLUDED(mu_);
  void RunBatch(std::vector<StepTask> tasks);
  void RunRows(absl::Span<StepTask> tasks);
  // What the estimates learn of a step that ended.
  void Learn(absl::Span<const StepTask> tasks, absl::Duration start,
             bool worked);

  const Options options_;
  Clock* const clock_;
  BatchObserver* const observer_;

  // The executor's own.
  std::deque<StepTask> ready_;  // older than the inbox
  FairShare shares_;            // of those in ready_
  StepEstimate steps_;
  ReturnEstimate returns_;
  absl::Duration device_free_ = -absl::InfiniteDuration();  // since when
  // When the policy is asked again, or after so many arrivals.
  absl::Duration wait_until_ = absl::InfiniteDuration();
  int64_t wait_arrivals_ = 1;
  bool closing_ = false;

  mutable Mutex mu_;
  std::condition_variable work_;
  std::deque<StepTask> inbox_ ABSL_GUARDED_BY(mu_);
  WaitingRoom room_ ABSL_GUARDED_BY(mu_);  // of those in ready_ and inbox_
  bool closed_ ABSL_GUARDED_BY(mu_) = false;

  std::thread executor_;  // last: it uses everything above
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_SCHEDULER_H_
