#include "server/schedule/deadlines.h"

#include <algorithm>

namespace mneme {
namespace {

// What a step took is believed for so long.
constexpr absl::Duration kBelieved = absl::Seconds(1);

}  // namespace

Deadlines::Deadlines(absl::Span<const WaitingSegment> queue, absl::Duration now,
                     const BatchPolicyOptions& options,
                     const SchedulerState& state)
    : now_(now), start_(state.NextStart(now)), state_(state) {
  for (const WaitingSegment& segment : queue) {
    Work& work = WorkOf(segment.model);
    ++work.rows;
    work.tokens += segment.num_tokens;
  }
  for (Work& work : work_) {
    const int64_t rows = std::min(work.rows, options.max_rows);
    work.tokens =
        std::min(work.tokens / work.rows * rows, options.max_tokens) / 2;
  }
}

bool Deadlines::IsHopeless(const WaitingSegment& segment) {
  if (segment.cancelled || segment.deadline <= now_) return true;
  return !CanMeet(segment.deadline, segment.model, segment.num_tokens);
}

bool Deadlines::CanMeet(absl::Duration deadline, const void* model,
                        int64_t tokens) {
  if (deadline == absl::InfiniteDuration()) return true;
  tokens = std::max(tokens, WorkOf(model).tokens);
  return start_ + Step(model, tokens) <= deadline;
}

Deadlines::Work& Deadlines::WorkOf(const void* model) {
  for (Work& work : work_) {
    if (work.model == model) return work;
  }
  return work_.emplace_back(Work{model});
}

absl::Duration Deadlines::Step(const void* model, int64_t tokens) {
  if (model == model_ && tokens == tokens_) return step_;
  model_ = model;
  tokens_ = tokens;
  step_ = absl::ZeroDuration();
  if (state_.steps == nullptr) return step_;
  const bool runs = state_.is_busy() && state_.running.model == model;
  if (runs || now_ - state_.steps->LastRun(model) <= kBelieved) {
    step_ = StepEstimate::kCaution * state_.steps->Expected(model, tokens);
  }
  return step_;
}

}  // namespace mneme
