#ifndef MNEME_SERVER_SCHEDULE_BATCH_OPTIONS_H_
#define MNEME_SERVER_SCHEDULE_BATCH_OPTIONS_H_

#include <cstdint>

#include "absl/time/time.h"

namespace mneme {

struct BatchPolicyOptions {
  int64_t max_rows = 256;
  // Tokens in a batch; one row is always allowed.
  int64_t max_tokens = 256 * 1024;
  // Outputs of a batch, which are all in host memory at once; one row is always
  // allowed. Raising it lets more rows with large outputs run together.
  int64_t max_output_bytes = int64_t{1} << 30;

  // How long before the device is free the next batch is made, so that it is
  // there in time; at most a quarter of the step that runs. Raising it makes up
  // for slower hosts, and leaves more to the batch after.
  absl::Duration lead = absl::Microseconds(300);
  // The most that a free device waits for sessions to come back; at most a
  // quarter of the step that it waits with. Zero: it never waits.
  absl::Duration max_convoy_wait = absl::Milliseconds(2);
  // Segments that waited so long count as one class higher, after twice the
  // time as two; they have at most a quarter of a batch so, the oldest of them.
  // Of one tenant's, those without a deadline count as due after that time.
  absl::Duration max_starvation = absl::Seconds(1);
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_BATCH_OPTIONS_H_
