#include "server/schedule/batch_policy.h"

#include <algorithm>

namespace mneme {
namespace {

// The batch so far.
struct Load {
  int64_t rows = 0;
  int64_t tokens = 0;
  int64_t output_bytes = 0;

  void Add(const WaitingSegment& segment) {
    ++rows;
    tokens += segment.num_tokens;
    output_bytes += segment.output_bytes;
  }
  bool IsWithin(const BatchPolicyOptions& options) const {
    return rows <= options.max_rows && tokens <= options.max_tokens &&
           output_bytes <= options.max_output_bytes;
  }
};

// Takes the segments of `model` that are `full`, while they fit.
void Take(absl::Span<const WaitingSegment> queue,
          const std::vector<size_t>& live, const void* model, bool full,
          const BatchPolicyOptions& options, Load* load,
          std::vector<size_t>* run) {
  for (const size_t i : live) {
    if (queue[i].model != model || queue[i].full != full) continue;
    Load with = *load;
    with.Add(queue[i]);
    if (!with.IsWithin(options) && !run->empty()) return;
    run->push_back(i);
    *load = with;
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
  Load load;
  Take(queue, live, oldest.model, oldest.full, options, &load, &decision.run);
  Take(queue, live, oldest.model, !oldest.full, options, &load, &decision.run);
  std::sort(decision.run.begin(), decision.run.end());
  return decision;
}

}  // namespace mneme
