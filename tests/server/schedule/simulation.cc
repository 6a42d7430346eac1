#include "tests/server/schedule/simulation.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace mneme {
namespace {

constexpr int kModels = 4;
const char kModelNames[kModels] = {};  // their addresses are the models

}  // namespace

absl::Duration GroupReport::Percentile(double part) const {
  if (latencies.empty()) return absl::ZeroDuration();
  const auto last = static_cast<double>(latencies.size() - 1);
  return latencies[static_cast<size_t>(std::lround(part * last))];
}

Simulation::Simulation(SimulationOptions options)
    : options_(std::move(options)),
      random_(options_.seed),
      shares_(options_.weights) {}

void Simulation::Add(const SessionGroup& group) {
  groups_.push_back(group);
  report_.groups.emplace_back();
  for (int64_t i = 0; i < group.count; ++i) {
    sessions_.push_back({groups_.size() - 1, group.segments, {}});
    Push(Away(group), Kind::kSubmit, sessions_.size() - 1);
  }
}

SimulationReport Simulation::Run() {
  while (!events_.empty() && events_.top().at <= options_.length) {
    const Event event = events_.top();
    events_.pop();
    now_ = event.at;
    if (event.kind == Kind::kSubmit) Submit(event.session);
    if (event.kind == Kind::kDone) Done();
    if (event.kind == Kind::kAsk && event.ask == newest_ask_) Ask();
  }
  for (GroupReport& group : report_.groups) {
    std::sort(group.latencies.begin(), group.latencies.end());
  }
  return report_;
}

void Simulation::Push(absl::Duration at, Kind kind, size_t session) {
  events_.push({at, ++pushed_, kind, session, newest_ask_});
}

double Simulation::Uniform() {
  return (static_cast<double>(random_() >> 11) + 0.5) * 0x1p-53;
}

absl::Duration Simulation::Away(const SessionGroup& group) {
  return group.away - std::log(Uniform()) * group.jitter;
}

void Simulation::Submit(size_t index) {
  Session& session = sessions_[index];
  const SessionGroup& group = groups_[session.group];
  --session.left;
  session.submitted = now_;
  returns_.Returned(&session, now_);
  WaitingSegment segment;
  segment.model = &kModelNames[group.model];
  segment.num_tokens = group.tokens;
  segment.priority = group.priority;
  segment.tenant = shares_.Enter(options_.fair ? group.tenant : "all");
  segment.arrived = now_;
  segment.deadline = now_ + group.timeout;
  queue_.push_back(segment);
  queued_.push_back(index);
  if (--arrivals_wanted_ <= 0) Ask();
}

void Simulation::Done() {
  const Batch batch = std::move(device_.front());
  device_.pop_front();
  free_since_ = now_;
  const absl::Duration step = now_ - batch.started;
  steps_.Record(batch.model, batch.tokens, step, now_);
  for (const size_t index : batch.sessions) {
    const Session& session = sessions_[index];
    returns_.Answered(batch.model, &session, now_);
    GroupReport& group = report_.groups[session.group];
    const absl::Duration latency = now_ - session.submitted;
    if (Reports()) {
      group.latencies.push_back(latency);
      if (latency > groups_[session.group].timeout) ++group.late;
    }
    GoAway(index);
  }
  if (Reports()) {
    ++report_.batches;
    report_.rows += static_cast<int64_t>(batch.sessions.size());
    report_.busy += step;
  }
  StartNext();
  Ask();
}

void Simulation::Ask() {
  while (device_.size() < options_.depth) {
    const BatchDecision decision = Decide();
    Drop(decision.drop);
    std::vector<size_t> gone = decision.drop;
    if (!decision.run.empty()) Launch(decision.run);
    gone.insert(gone.end(), decision.run.begin(), decision.run.end());
    Remove(std::move(gone));
    if (decision.run.empty()) {
      arrivals_wanted_ = decision.wait_arrivals;
      ++newest_ask_;
      if (decision.wait_until < absl::InfiniteDuration()) {
        Push(decision.wait_until, Kind::kAsk);
      }
      return;
    }
  }
  arrivals_wanted_ = BatchDecision::kNever;
  ++newest_ask_;
}

BatchDecision Simulation::Decide() {
  SchedulerState state;
  state.device_free = free_since_;
  if (!device_.empty()) {
    state.running = {device_.front().model, 0, device_.front().started};
    state.device_free = device_.front().started;
    for (const Batch& batch : device_) {
      state.running.rows += static_cast<int64_t>(batch.sessions.size());
      state.device_free += batch.expected;
    }
  }
  state.tenants = shares_.shares();
  state.steps = &steps_;
  state.returns = &returns_;
  ++report_.decisions;
  return DecideBatch(queue_, now_, options_.batch, state);
}

void Simulation::Drop(const std::vector<size_t>& indices) {
  for (const size_t i : indices) {
    if (Reports()) ++report_.groups[sessions_[queued_[i]].group].dropped;
    shares_.Leave(queue_[i].tenant);
    GoAway(queued_[i]);
  }
}

void Simulation::Launch(const std::vector<size_t>& indices) {
  Batch batch;
  batch.model = queue_[indices.front()].model;
  for (const size_t i : indices) {
    shares_.Charge(queue_[i].tenant, queue_[i].num_tokens);
    batch.tokens += queue_[i].num_tokens;
    batch.sessions.push_back(queued_[i]);
  }
  for (const size_t i : indices) shares_.Leave(queue_[i].tenant);
  batch.expected = steps_.Expected(batch.model, batch.tokens);
  device_.push_back(std::move(batch));
  if (device_.size() == 1) StartNext();
}

void Simulation::StartNext() {
  if (device_.empty()) return;
  Batch& batch = device_.front();
  batch.started = now_;
  const double noise = 1 + options_.step_jitter * (2 * Uniform() - 1);
  const auto rows = static_cast<int64_t>(batch.sessions.size());
  Push(now_ + noise * options_.step.Of(rows), Kind::kDone);
}

void Simulation::Remove(std::vector<size_t> indices) {
  std::vector<bool> gone(queue_.size(), false);
  for (const size_t i : indices) gone[i] = true;
  size_t kept = 0;
  for (size_t i = 0; i < queue_.size(); ++i) {
    if (gone[i]) continue;
    queue_[kept] = queue_[i];
    queued_[kept++] = queued_[i];
  }
  queue_.resize(kept);
  queued_.resize(kept);
}

void Simulation::GoAway(size_t session) {
  if (sessions_[session].left <= 0) return;
  const absl::Duration back = now_ + Away(groups_[sessions_[session].group]);
  Push(back, Kind::kSubmit, session);
}

}  // namespace mneme
