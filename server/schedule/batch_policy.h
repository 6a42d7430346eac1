#ifndef MNEME_SERVER_SCHEDULE_BATCH_POLICY_H_
#define MNEME_SERVER_SCHEDULE_BATCH_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"

namespace mneme {

// What the policy sees of a waiting segment. In arrival order.
struct WaitingSegment {
  const void* model = nullptr;  // segments of one model run together
  int64_t num_tokens = 0;
  int64_t output_bytes = 0;  // the most that its outputs can have
  bool full = true;          // num_tokens is the model's segment size
  absl::Duration deadline = absl::InfiniteDuration();
  bool cancelled = false;
};

struct BatchPolicyOptions {
  int64_t max_rows = 256;
  // Tokens in a batch; one row is always allowed.
  int64_t max_tokens = 256 * 1024;
  // Outputs of a batch, which are all in host memory at once; one row is always
  // allowed. Raising it lets more rows with large outputs run together.
  int64_t max_output_bytes = int64_t{1} << 30;
};

struct BatchDecision {
  std::vector<size_t> drop;  // expired or cancelled: no device time for these
  std::vector<size_t> run;   // the next batch: one model's, in arrival order
};

// The batch policy as a pure function of (queue, now, options), so that every
// rule is a table of cases. The device is idle when it is asked, so it never
// waits for more: what arrives while a batch runs makes the next one. The model
// whose segment waited longest goes first; its full segments go before its
// short ones, so that these never delay a full batch, unless a short one is
// the oldest.
BatchDecision DecideBatch(absl::Span<const WaitingSegment> queue,
                          absl::Duration now,
                          const BatchPolicyOptions& options);

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_BATCH_POLICY_H_
