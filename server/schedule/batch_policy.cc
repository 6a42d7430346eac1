#include "server/schedule/batch_policy.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/schedule/convoy_wait.h"
#include "server/schedule/deadlines.h"
#include "server/schedule/fair_order.h"

namespace mneme {
namespace {

// The part of a batch that those have who waited too long.
constexpr int64_t kStarvedPart = 4;

// The live segments by the class that they count as.
using Classes = std::array<std::vector<OrderedSegment>, kPriorities>;

// Puts live segments into their class, and those that waited too long, while
// their places last, into a higher one.
class Classifier {
 public:
  Classifier(absl::Duration now, const BatchPolicyOptions& options)
      : starved_(now - options.max_starvation),
        starved_twice_(starved_ - options.max_starvation),
        patience_(std::min(absl::ToInt64Nanoseconds(options.max_starvation),
                           kMostPatience)),
        places_(std::max<int64_t>(options.max_rows / kStarvedPart, 1)) {}

  void Add(const WaitingSegment& segment, size_t index, Classes* classes) {
    auto into = static_cast<size_t>(segment.priority);
    if (into > 0 && segment.arrived <= starved_ && places_ > 0) {
      --places_;
      into -= into > 1 && segment.arrived <= starved_twice_ ? 2 : 1;
    }
    const int64_t due =
        std::min(absl::ToInt64Nanoseconds(segment.deadline),
                 absl::ToInt64Nanoseconds(segment.arrived) + patience_);
    (*classes)[into].push_back(
        {due, static_cast<uint32_t>(index), segment.tenant});
  }

 private:
  static constexpr int64_t kMostPatience = int64_t{1} << 62;

  const absl::Duration starved_;  // who arrived by then
  const absl::Duration starved_twice_;
  const int64_t patience_;  // nanoseconds
  int64_t places_;
};

// The batch so far.
struct Batch {
  int64_t rows = 0;
  int64_t tokens = 0;
  int64_t output_bytes = 0;
  bool full = false;  // something did not fit
  absl::Duration arrived = absl::InfiniteDuration();
  absl::Duration deadline = absl::InfiniteDuration();
  std::vector<size_t> run;

  bool Fits(const WaitingSegment& segment,
            const BatchPolicyOptions& options) const {
    return rows == 0 ||
           (rows < options.max_rows &&
            tokens + segment.num_tokens <= options.max_tokens &&
            output_bytes + segment.output_bytes <= options.max_output_bytes);
  }
  void Add(const WaitingSegment& segment, size_t index) {
    ++rows;
    tokens += segment.num_tokens;
    output_bytes += segment.output_bytes;
    arrived = std::min(arrived, segment.arrived);
    deadline = std::min(deadline, segment.deadline);
    run.push_back(index);
  }
};

// The first segment in the order of `segments`, which are not empty.
size_t FirstOf(const std::vector<OrderedSegment>& segments,
               const VirtualTimes& times) {
  uint32_t tenant = segments.front().tenant;
  for (const OrderedSegment& segment : segments) {
    if (times.Of(segment.tenant) < times.Of(tenant)) tenant = segment.tenant;
  }
  const OrderedSegment* first = nullptr;
  for (const OrderedSegment& segment : segments) {
    if (segment.tenant != tenant) continue;
    if (first == nullptr || segment.due < first->due) first = &segment;
  }
  return first->index;
}

// Makes the batch that would run now.
class BatchMaker {
 public:
  BatchMaker(absl::Span<const WaitingSegment> queue,
             const BatchPolicyOptions& options, const SchedulerState& state,
             Deadlines* deadlines)
      : queue_(queue),
        options_(options),
        deadlines_(deadlines),
        times_(state.tenants) {}

  // REQUIRES: a class that is not empty.
  Batch Make(const Classes& classes) {
    const WaitingSegment* first = nullptr;
    for (const auto& segments : classes) {
      if (segments.empty()) continue;
      if (first == nullptr) first = &queue_[FirstOf(segments, times_)];
      Take(segments, first->model, first->full);
      Take(segments, first->model, !first->full);
    }
    return std::move(batch_);
  }

 private:
  // Those of the model that are `full`, while they fit.
  void Take(const std::vector<OrderedSegment>& segments, const void* model,
            bool full) {
    if (batch_.rows >= options_.max_rows) return;
    std::vector<OrderedSegment> taken;
    taken.reserve(segments.size());
    for (const OrderedSegment& segment : segments) {
      const WaitingSegment& waiting = queue_[segment.index];
      if (waiting.model == model && waiting.full == full) {
        taken.push_back(segment);
      }
    }
    FairOrder order(queue_, std::move(taken), &times_);
    for (; !order.empty(); order.Pop()) {
      const size_t index = order.Peek();
      const int64_t tokens = batch_.tokens + queue_[index].num_tokens;
      if (!batch_.Fits(queue_[index], options_) ||
          !deadlines_->CanMeet(batch_.deadline, model, tokens)) {
        batch_.full = true;
        return;
      }
      if (!deadlines_->CanMeet(queue_[index].deadline, model, tokens)) continue;
      batch_.Add(queue_[index], index);
    }
  }

  const absl::Span<const WaitingSegment> queue_;
  const BatchPolicyOptions& options_;
  Deadlines* const deadlines_;
  VirtualTimes times_;
  Batch batch_;
};

BatchInView ViewOf(const Batch& batch, const void* model, int64_t waiting,
                   const BatchPolicyOptions& options) {
  BatchInView view;
  view.model = model;
  view.rows = batch.rows;
  view.tokens = batch.tokens;
  view.room = batch.full ? 0 : options.max_rows - batch.rows;
  view.waiting = waiting;
  view.arrived = batch.arrived;
  view.deadline = batch.deadline;
  return view;
}

// When the next batch is made, if the device is busy.
absl::Duration MakeAt(const BatchPolicyOptions& options,
                      const SchedulerState& state) {
  const absl::Duration running = state.device_free - state.running.started;
  return state.device_free - std::min(options.lead, running / 4);
}

}  // namespace

BatchDecision DecideBatch(absl::Span<const WaitingSegment> queue,
                          absl::Duration now, const BatchPolicyOptions& options,
                          const SchedulerState& state) {
  BatchDecision decision;
  Classes classes;
  classes[static_cast<size_t>(Priority::kNormal)].reserve(queue.size());
  Deadlines deadlines(queue, now, options, state);
  Classifier classifier(now, options);
  for (size_t i = 0; i < queue.size(); ++i) {
    if (deadlines.IsHopeless(queue[i])) {
      decision.drop.push_back(i);
    } else {
      classifier.Add(queue[i], i, &classes);
    }
  }
  const size_t live = queue.size() - decision.drop.size();
  if (live == 0) return decision;
  if (state.is_busy() && now < MakeAt(options, state)) {
    decision.wait_until = MakeAt(options, state);
    decision.wait_arrivals = BatchDecision::kNever;
    return decision;
  }
  Batch batch = BatchMaker(queue, options, state, &deadlines).Make(classes);
  const BatchInView view = ViewOf(batch, queue[batch.run.front()].model,
                                  static_cast<int64_t>(live), options);
  const ConvoyWait wait = DecideConvoyWait(view, now, options, state);
  if (wait.until > now) {
    decision.wait_until = wait.until;
    decision.wait_arrivals = wait.arrivals;
    return decision;
  }
  decision.run = std::move(batch.run);
  std::sort(decision.run.begin(), decision.run.end());
  return decision;
}

}  // namespace mneme
