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
#include "server/schedule/device_load.h"
#include "server/schedule/fair_share.h"
#include "server/schedule/return_estimate.h"
#include "server/schedule/step_estimate.h"
#include "server/schedule/step_task.h"
#include "server/schedule/waiting_room.h"

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
  // What the executor is told of a batch that ended.
  struct EndedBatch {
    const SequenceModel* model = nullptr;
    int64_t tokens = 0;
    absl::Duration device;  // how long it had the device
    absl::Duration at;
    bool worked = false;
    std::vector<const void*> sessions;  // those that were answered
  };
  // Picked by the policy; or to be run again, as it is.
  struct Batch {
    std::vector<StepTask> dropped;
    std::vector<StepTask> tasks;
  };

  void Run();
  // Waits until something can be started or the policy is to be asked, and
  // moves what came to ready_; false at the end.
  bool TakeInbox() ABSL_LOCKS_EXCLUDED(mu_);
  bool IsDue() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsAtEnd() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  SchedulerState State() const;
  // Takes the tasks that a decision names from ready_.
  Batch TakeDecided(const BatchDecision& decision) ABSL_LOCKS_EXCLUDED(mu_);
  // Asks the policy about ready_, whose tasks may be many and whose
  // `cancelled` is foreign code: hence not under the lock.
  Batch NextBatch() ABSL_LOCKS_EXCLUDED(mu_);
  Batch TakeBatch() ABSL_LOCKS_EXCLUDED(mu_);
  void StartBatch(std::vector<StepTask> tasks) ABSL_LOCKS_EXCLUDED(mu_);
  // On the completion thread.
  void OnFinished(StartedBatch batch,
                  absl::StatusOr<std::vector<StepResult>> results,
                  absl::Duration device) ABSL_LOCKS_EXCLUDED(mu_);
  // One row is answered; of more the halves are run again.
  void Fail(std::vector<StepTask> tasks, const absl::Status& status)
      ABSL_LOCKS_EXCLUDED(mu_);
  static EndedBatch EndOf(absl::Span<const StepTask> tasks,
                          absl::Duration device, absl::Duration at);
  // What the estimates learn of steps that ended.
  void Learn(const std::vector<EndedBatch>& ended);

  const Options options_;
  Clock* const clock_;
  BatchObserver* const observer_;

  // The executor's own.
  std::deque<StepTask> ready_;  // older than the inbox
  FairShare shares_;            // of those in ready_
  StepEstimate steps_;
  ReturnEstimate returns_;
  DeviceLoad load_;
  // When the policy is asked again, or after so many arrivals.
  absl::Duration wait_until_ = absl::InfiniteDuration();
  int64_t wait_arrivals_ = 1;
  bool closing_ = false;

  mutable Mutex mu_;
  std::condition_variable work_;
  std::deque<StepTask> inbox_ ABSL_GUARDED_BY(mu_);
  WaitingRoom room_ ABSL_GUARDED_BY(mu_);  // of those in ready_ and inbox_
  std::deque<std::vector<StepTask>> again_ ABSL_GUARDED_BY(mu_);
  std::vector<EndedBatch> ended_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;

  // Last, in this order: they use everything above, the executor the
  // completion too.
  Completion completion_;
  std::thread executor_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_SCHEDULER_H_
