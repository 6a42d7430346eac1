#include "server/schedule/batch_policy.h"

#include <algorithm>

namespace mneme {
namespace {

// Takes the segments of `model` that are `full`, while they fit.
void Take(absl::Span<const WaitingSegment> queue,
          const std::vector<size_t>& live, const void* model, bool full,
          const BatchPolicyOptions& options, int64_t* tokens,
          std::vector<size_t>* run) {
  for (const size_t i : live) {
    if (queue[i].model != model || queue[i].full != full) continue;
    const bool fits = static_cast<int64_t>(run->size()) < options.max_rows &&
                      *tokens + queue[i].num_tokens <= options.max_tokens;
    if (!fits && !run->empty()) return;
    run->push_back(i);
    *tokens += queue[i].num_tokens;
  }
}

}  // namespace

BatchDecision DecideBatch(absl::Span<const WaitingSegment> queue,
                          absl::Duration now,
                          const BatchPolicyOptions& options) {
  BatchDecision decision;
  std::vector<size_t> live;
  for (size_t i = 0; i < queue.size(); ++i) {
    const bool hopeless = queue[i].cancelled || queue[i].deadline <= now;
    (hopeless ? decision.drop : live).push_back(i);
  }
  if (live.empty()) return decision;
  const WaitingSegment& oldest = queue[live.front()];
  int64_t tokens = 0;
  Take(queue, live, oldest.model, oldest.full, options, &tokens, &decision.run);
  Take(queue, live, oldest.model, !oldest.full, options, &tokens,
       &decision.run);
  std::sort(decision.run.begin(), decision.run.end());
  return decision;
}

}  // namespace mneme
