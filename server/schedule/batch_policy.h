#ifndef MNEME_SERVER_SCHEDULE_BATCH_POLICY_H_
#define MNEME_SERVER_SCHEDULE_BATCH_POLICY_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/schedule/batch_options.h"
#include "server/schedule/scheduler_state.h"
#include "server/schedule/waiting_segment.h"

namespace mneme {

struct BatchDecision {
  static constexpr int64_t kNever = std::numeric_limits<int64_t>::max();

  // Cancelled, expired, or sure to be late: no device time for these.
  std::vector<size_t> drop;
  // The next batch: one model's, in the queue's order.
  std::vector<size_t> run;
  // Where nothing is run: when to ask again, if not before then so many more
  // segments arrived or the device became free.
  absl::Duration wait_until = absl::InfiniteDuration();
  int64_t wait_arrivals = 1;
};

// The batch policy as a pure function of its arguments, so that every rule is a
// table of cases and the whole is simulated without threads. `queue` is in the
// order of arrival.
//
// When: a device that is idle runs what there is. While it is busy the next
// batch is made as late as it can be (BatchPolicyOptions::lead), so that late
// arrivals are in it. A batch that is not full may wait for sessions that are
// about to come back (DecideConvoyWait); never if nobody is.
//
// What: the class before the next; within a class the tenant that had least
// (FairShare); of one tenant's segments the one that is due first, then the
// oldest. The first of all in this order names the model, and whether full or
// short segments go first in their class: full ones, unless it is short.
//
// Dropped is what would be late though it ran next (Deadlines). A batch grows
// no further than its earliest deadline allows.
BatchDecision DecideBatch(absl::Span<const WaitingSegment> queue,
                          absl::Duration now, const BatchPolicyOptions& options,
                          const SchedulerState& state);

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_BATCH_POLICY_H_
