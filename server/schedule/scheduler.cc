#include "server/schedule/scheduler.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

WaitingSegment View(const StepTask& task) {
  WaitingSegment view;
  view.model = task.model;
  view.num_tokens = static_cast<int64_t>(task.tokens.size());
  view.output_bytes = task.output_bytes;
  view.full = view.num_tokens == task.model->spec().segment_size;
  view.deadline = task.deadline;
  view.cancelled = task.cancelled != nullptr && task.cancelled();
  view.priority = task.priority;
  view.tenant = task.tenant_number;
  view.arrived = task.submitted;
  return view;
}

// Gives tasks that start from saved bytes their live memory: all, or none.
absl::Status LoadMemories(absl::Span<StepTask* const> tasks) {
  if (tasks.empty()) return absl::OkStatus();
  std::vector<absl::string_view> saved;
  for (const StepTask* task : tasks) saved.emplace_back(*task->saved_memory);
  ASSIGN_OR_RETURN(std::vector<MemoryRef> loaded,
                   tasks.front()->model->Load(saved));
  if (loaded.size() != tasks.size()) {
    return absl::InternalError(absl::StrCat(
        tasks.size(), " saved memories gave ", loaded.size(), " live ones"));
  }
  for (size_t i = 0; i < tasks.size(); ++i) {
    tasks[i]->memory = std::move(loaded[i]);
  }
  return absl::OkStatus();
}

std::vector<StepRow> Rows(absl::Span<const StepTask> tasks) {
  std::vector<StepRow> rows(tasks.size());
  for (size_t i = 0; i < tasks.size(); ++i) {
    rows[i].tokens = tasks[i].tokens;
    rows[i].extra_inputs = tasks[i].extra_inputs;
    rows[i].memory = tasks[i].memory;
    rows[i].fresh = tasks[i].fresh;
    rows[i].reset_memory = tasks[i].reset_memory;
    rows[i].request = &tasks[i].outputs;
  }
  return rows;
}

int64_t TokensOf(absl::Span<const StepTask> tasks) {
  int64_t tokens = 0;
  for (const StepTask& task : tasks) {
    tokens += static_cast<int64_t>(task.tokens.size());
  }
  return tokens;
}

// Fills saved_memory of the outcomes whose tasks asked for it.
absl::Status SaveMemories(absl::Span<const StepTask> tasks,
                          std::vector<StepOutcome>* outcomes) {
  std::vector<MemoryRef> memories;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].save) memories.push_back((*outcomes)[i].result.memory);
  }
  if (memories.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> saved,
                   tasks.front().model->Save(memories));
  auto next = saved.begin();
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!tasks[i].save) continue;
    (*outcomes)[i].saved_memory =
        std::make_shared<const std::string>(std::move(*next++));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StepOutcome>> Compute(
    absl::Span<const StepTask> tasks) {
  ASSIGN_OR_RETURN(std::vector<StepResult> results,
                   tasks.front().model->Step(Rows(tasks)));
  if (results.size() != tasks.size()) {
    return absl::InternalError(absl::StrCat("a batch of ", tasks.size(),
                                            " rows gave ", results.size(),
                                            " results"));
  }
  std::vector<StepOutcome> outcomes(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    outcomes[i].result = std::move(results[i]);
  }
  RETURN_IF_ERROR(SaveMemories(tasks, &outcomes));
  return outcomes;
}

absl::Status DropReason(const StepTask& task, absl::Duration now) {
  if (task.cancelled != nullptr && task.cancelled()) {
    return absl::CancelledError("cancelled while it waited; nothing changed");
  }
  return absl::DeadlineExceededError(
      task.deadline <= now
          ? "the deadline passed while it waited; nothing changed"
          : "it could not be done by the deadline; nothing changed");
}

}  // namespace

Scheduler::Scheduler(const Options& options, Clock* clock,
                     BatchObserver* observer)
    : options_(options),
      clock_(clock),
      observer_(observer),
      shares_(options.tenant_weights),
      room_({options.max_waiting, options.max_tenant_part}),
      executor_([this] { Run(); }) {}

Scheduler::~Scheduler() {
  {
    MutexLock lock(&mu_);
    closed_ = true;
  }
  work_.notify_all();
  executor_.join();
}

void Scheduler::Submit(StepTask task) {
  task.submitted = clock_->Monotonic();
  task.output_bytes =
      OutputBytes(task.model->spec(), task.outputs, task.extra_inputs,
                  static_cast<int64_t>(task.tokens.size()), /*segments=*/1);
  absl::Status entered;
  {
    MutexLock lock(&mu_);
    entered = room_.Enter(task.tenant);
    if (entered.ok()) {
      inbox_.push_back(std::move(task));
      work_.notify_one();
    }
  }
  if (!entered.ok()) std::move(task.done)(std::move(entered));
}

int64_t Scheduler::waiting() const {
  MutexLock lock(&mu_);
  return room_.size();
}

void Scheduler::Run() {
  while (TakeInbox()) {
    Batch batch = NextBatch();
    const absl::Duration now = clock_->Monotonic();
    for (StepTask& task : batch.dropped) {
      std::move(task.done)(DropReason(task, now));
    }
    if (!batch.tasks.empty()) RunBatch(std::move(batch.tasks));
  }
}

bool Scheduler::IsDue() const {
  if (closed_) return true;
  return static_cast<int64_t>(inbox_.size()) >= wait_arrivals_ ||
         clock_->Monotonic() >= wait_until_;
}

bool Scheduler::TakeInbox() {
  std::deque<StepTask> arrived;
  {
    MutexLock lock(&mu_);
    while (!IsDue()) clock_->WaitUntil(lock, work_, wait_until_);
    arrived.swap(inbox_);
    closing_ = closed_;
  }
  for (StepTask& task : arrived) {
    task.tenant_number = shares_.Enter(task.tenant);
    if (task.session != nullptr) {
      returns_.Returned(task.session, task.submitted);
    }
    ready_.push_back(std::move(task));
  }
  return !ready_.empty() || !closing_;
}

SchedulerState Scheduler::State() const {
  SchedulerState state;
  state.device_free = device_free_;
  state.tenants = shares_.shares();
  state.steps = &steps_;
  // Whoever is away at the end is not waited for.
  if (!closing_) state.returns = &returns_;
  return state;
}

Scheduler::Batch Scheduler::NextBatch() {
  std::vector<WaitingSegment> views;
  views.reserve(ready_.size());
  for (const StepTask& task : ready_) views.push_back(View(task));
  const BatchDecision decision =
      DecideBatch(views, clock_->Monotonic(), options_.batch, State());
  // After a batch what is left is decided at once.
  const bool again = !decision.run.empty() &&
                     decision.run.size() + decision.drop.size() < ready_.size();
  wait_until_ = again ? -absl::InfiniteDuration() : decision.wait_until;
  wait_arrivals_ = again ? 0 : decision.wait_arrivals;
  return TakeDecided(decision);
}

Scheduler::Batch Scheduler::TakeDecided(const BatchDecision& decision) {
  Batch batch;
  std::vector<bool> taken(ready_.size(), false);
  for (const size_t i : decision.run) {
    shares_.Charge(ready_[i].tenant_number,
                   static_cast<int64_t>(ready_[i].tokens.size()));
  }
  const auto take = [&](size_t i, std::vector<StepTask>* into) {
    shares_.Leave(ready_[i].tenant_number);
    into->push_back(std::move(ready_[i]));
    taken[i] = true;
  };
  for (const size_t i : decision.drop) take(i, &batch.dropped);
  for (const size_t i : decision.run) take(i, &batch.tasks);
  std::deque<StepTask> left;
  for (size_t i = 0; i < ready_.size(); ++i) {
    if (!taken[i]) left.push_back(std::move(ready_[i]));
  }
  ready_ = std::move(left);
  MutexLock lock(&mu_);
  for (const auto* tasks : {&batch.dropped, &batch.tasks}) {
    for (const StepTask& task : *tasks) room_.Leave(task.tenant);
  }
  return batch;
}

void Scheduler::RunBatch(std::vector<StepTask> tasks) {
  const absl::Duration start = clock_->Monotonic();
  std::vector<StepTask*> saved;
  for (StepTask& task : tasks) {
    task.waited = start - task.submitted;
    if (task.memory == nullptr) saved.push_back(&task);
  }
  // When one cannot be loaded none is: then each by itself, below.
  LoadMemories(saved).IgnoreError();
  std::vector<StepTask> loaded;
  for (StepTask& task : tasks) {
    StepTask* const one = &task;
    const absl::Status status =
        task.memory == nullptr ? LoadMemories({&one, 1}) : absl::OkStatus();
    if (status.ok()) {
      loaded.push_back(std::move(task));
    } else {
      std::move(task.done)(status);
    }
  }
  if (!loaded.empty()) RunRows(absl::MakeSpan(loaded));
  device_free_ = clock_->Monotonic();
}

void Scheduler::RunRows(absl::Span<StepTask> tasks) {
  const absl::Duration start = clock_->Monotonic();
  absl::StatusOr<std::vector<StepOutcome>> outcomes = Compute(tasks);
  const absl::Duration device = clock_->Monotonic() - start;
  const auto rows = static_cast<int64_t>(tasks.size());
  observer_->OnBatch(tasks.front().model->spec(), rows, TokensOf(tasks),
                     device);
  if (!outcomes.ok() && rows > 1) {
    RunRows(tasks.first(tasks.size() / 2));
    return RunRows(tasks.subspan(tasks.size() / 2));
  }
  Learn(tasks, start, outcomes.ok());
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!outcomes.ok()) {
      std::move(tasks[i].done)(outcomes.status());
      continue;
    }
    StepOutcome& outcome = (*outcomes)[i];
    outcome.queue = tasks[i].waited;
    outcome.device = device;
    outcome.batch_size = rows;
    std::move(tasks[i].done)(std::move(outcome));
  }
}

void Scheduler::Learn(absl::Span<const StepTask> tasks, absl::Duration start,
                      bool worked) {
  const absl::Duration now = clock_->Monotonic();
  const SequenceModel* const model = tasks.front().model;
  if (worked) steps_.Record(model, TokensOf(tasks), now - start, now);
  for (const StepTask& task : tasks) {
    if (task.session != nullptr) returns_.Answered(model, task.session, now);
  }
}

}  // namespace mneme
