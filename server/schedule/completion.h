#ifndef MNEME_SERVER_SCHEDULE_COMPLETION_H_
#define MNEME_SERVER_SCHEDULE_COMPLETION_H_

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/schedule/step_task.h"

namespace mneme {

// A batch that was given to the device.
struct StartedBatch {
  std::vector<StepTask> tasks;  // the rows, in order
  std::unique_ptr<StepInFlight> step;
  absl::Duration started;
};

// The thread that waits for the device, in the order of the starts, so that the
// executor thread builds the next batch meanwhile.
//
// Push() may be called from any thread. Destruction finishes what was pushed.
class Completion {
 public:
  // `device`: how long the device had it, without its wait for those before.
  using Finished = std::function<void(
      StartedBatch batch, absl::StatusOr<std::vector<StepResult>> results,
      absl::Duration device)>;

  // `finished` is called on this object's thread with no lock held.
  Completion(Clock* clock, Finished finished);
  ~Completion();

  void Push(StartedBatch batch) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run();
  // False at the end.
  bool Take(StartedBatch* batch) ABSL_LOCKS_EXCLUDED(mu_);

  Clock* const clock_;
  const Finished finished_;

  Mutex mu_;
  std::condition_variable work_;
  std::deque<StartedBatch> running_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: it uses everything above
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_COMPLETION_H_
