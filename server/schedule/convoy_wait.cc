#include "server/schedule/convoy_wait.h"

#include <algorithm>
#include <cmath>

namespace mneme {
namespace {

// Less is not worth a timer.
constexpr absl::Duration kLeastWait = absl::Microseconds(20);
// Of those expected: it is looked at again before the last, who may be late.
constexpr double kMost = 0.75;

// How many of the model's sessions will be back by `until`: of those answered,
// and of those whose step runs.
double Returning(const BatchInView& batch, absl::Duration now,
                 absl::Duration until, const SchedulerState& state) {
  double returning = state.returns->Expected(batch.model, now, until);
  if (state.is_busy() && state.running.model == batch.model) {
    returning +=
        static_cast<double>(state.running.rows) *
        state.returns->Chance(batch.model, until - state.NextStart(now));
  }
  return std::min(returning, static_cast<double>(batch.room));
}

// What a step takes of the batch with so many rows.
absl::Duration Step(const BatchInView& batch, double rows,
                    const SchedulerState& state) {
  const double tokens = rows * static_cast<double>(batch.tokens) /
                        static_cast<double>(batch.rows);
  return state.steps->Expected(batch.model, std::llround(tokens));
}

// The device's time that is saved when so many more are in the batch rather
// than in one of their own.
absl::Duration Saved(const BatchInView& batch, double more,
                     const SchedulerState& state) {
  const auto rows = static_cast<double>(batch.rows);
  return Step(batch, rows, state) + Step(batch, more, state) -
         Step(batch, rows + more, state);
}

// The longest that the batch may wait from now on.
absl::Duration WaitEnd(const BatchInView& batch, absl::Duration now,
                       const BatchPolicyOptions& options,
                       const SchedulerState& state) {
  const absl::Duration start = state.NextStart(now);
  const double most =
      Returning(batch, now, start + options.max_convoy_wait, state);
  const absl::Duration step =
      Step(batch, static_cast<double>(batch.rows) + most, state);
  // The estimate of a busy device may have passed: it is free now at best.
  const absl::Duration free = state.is_busy() ? start : state.device_free;
  return std::min(std::max(free, batch.arrived) +
                      std::min(options.max_convoy_wait, step / 4),
                  batch.deadline - StepEstimate::kCaution * step);
}

}  // namespace

ConvoyWait DecideConvoyWait(const BatchInView& batch, absl::Duration now,
                            const BatchPolicyOptions& options,
                            const SchedulerState& state) {
  ConvoyWait wait;
  if (batch.room <= 0 || state.steps == nullptr || state.returns == nullptr) {
    return wait;
  }
  const absl::Duration start = state.NextStart(now);
  absl::Duration most;  // what is won, as time of all segments together
  absl::Duration span = WaitEnd(batch, now, options, state) - start;
  for (; span >= kLeastWait; span /= 2) {
    const double returning = Returning(batch, now, start + span, state);
    if (returning < 0.5) break;
    if (Saved(batch, returning, state) < span) continue;
    const absl::Duration won =
        returning *
            Step(batch, static_cast<double>(batch.rows) + returning, state) -
        static_cast<double>(batch.waiting) * span;
    if (won <= most) continue;
    most = won;
    wait.until = start + span;
    wait.arrivals = std::max<int64_t>(1, std::llround(returning * kMost));
  }
  return wait;
}

}  // namespace mneme
