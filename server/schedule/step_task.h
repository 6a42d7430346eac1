#ifndef MNEME_SERVER_SCHEDULE_STEP_TASK_H_
#define MNEME_SERVER_SCHEDULE_STEP_TASK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/sequence_model.h"
#include "server/schedule/waiting_segment.h"

namespace mneme {

using SharedBytes = std::shared_ptr<const std::string>;

struct StepOutcome {
  StepResult result;
  SharedBytes saved_memory;  // result.memory as bytes, if asked for
  absl::Duration queue;      // from Submit to the batch
  absl::Duration device;     // the step that gave the result
  int64_t batch_size = 0;    // its rows
};

// One segment on its way to the device. Moved along: session -> scheduler ->
// batch; `done` is called exactly once: on the completion thread, on the
// executor thread for what was not run, or by Submit() for what is refused.
struct StepTask {
  SequenceModel* model = nullptr;
  std::vector<int32_t> tokens;
  std::vector<NamedTokens> extra_inputs;
  OutputRequest outputs;
  // The memory to start from: a live value, or saved bytes to load.
  MemoryRef memory;
  SharedBytes saved_memory;
  bool fresh = false;
  bool reset_memory = false;
  bool save = true;  // fill StepOutcome::saved_memory

  std::string tenant;  // who shares the device fairly
  Priority priority = Priority::kNormal;
  // Whose it is, only compared: sessions that were answered are expected back.
  const void* session = nullptr;  // null: nobody's

  // Dropped before it costs device time: DEADLINE_EXCEEDED, CANCELLED.
  absl::Duration deadline = absl::InfiniteDuration();
  absl::AnyInvocable<bool() const> cancelled;  // null: never

  // Set by the scheduler.
  absl::Duration submitted;
  absl::Duration waited;     // until its batch
  int64_t output_bytes = 0;  // the most that its outputs can have
  uint32_t tenant_number = 0;

  absl::AnyInvocable<void(absl::StatusOr<StepOutcome>) &&> done;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_STEP_TASK_H_
