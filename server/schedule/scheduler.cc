#include "server/schedule/scheduler.h"

#include <algorithm>
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
  view.full = view.num_tokens == task.model->spec().segment_size;
  view.deadline = task.deadline;
  view.cancelled = task.cancelled != nullptr && task.cancelled();
  return view;
}

// Gives each task that starts from saved bytes its live memory.
absl::Status LoadMemories(SequenceModel* model, std::vector<StepTask>* tasks) {
  std::vector<absl::string_view> saved;
  for (const StepTask& task : *tasks) {
    if (task.memory == nullptr) saved.push_back(task.saved_memory);
  }
  if (saved.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<MemoryRef> loaded, model->Load(saved));
  auto next = loaded.begin();
  for (StepTask& task : *tasks) {
    if (task.memory == nullptr) task.memory = std::move(*next++);
  }
  return absl::OkStatus();
}

std::vector<StepRow> Rows(const std::vector<StepTask>& tasks) {
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

// Fills saved_memory of the outcomes whose tasks asked for it.
absl::Status SaveMemories(SequenceModel* model,
                          const std::vector<StepTask>& tasks,
                          std::vector<StepOutcome>* outcomes) {
  std::vector<MemoryRef> memories;
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].save) memories.push_back((*outcomes)[i].result.memory);
  }
  if (memories.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::vector<std::string> saved, model->Save(memories));
  auto next = saved.begin();
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (tasks[i].save) (*outcomes)[i].saved_memory = std::move(*next++);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<StepOutcome>> Compute(std::vector<StepTask>* tasks) {
  SequenceModel* const model = tasks->front().model;
  RETURN_IF_ERROR(LoadMemories(model, tasks));
  ASSIGN_OR_RETURN(std::vector<StepResult> results, model->Step(Rows(*tasks)));
  if (results.size() != tasks->size()) {
    return absl::InternalError(absl::StrCat("a batch of ", tasks->size(),
                                            " rows gave ", results.size(),
                                            " results"));
  }
  std::vector<StepOutcome> outcomes(results.size());
  for (size_t i = 0; i < results.size(); ++i) {
    outcomes[i].result = std::move(results[i]);
  }
  RETURN_IF_ERROR(SaveMemories(model, *tasks, &outcomes));
  return outcomes;
}

absl::Status DropReason(const StepTask& task) {
  if (task.cancelled != nullptr && task.cancelled()) {
    return absl::CancelledError("cancelled while it waited; nothing changed");
  }
  return absl::DeadlineExceededError(
      "the deadline passed while it waited; nothing changed");
}

}  // namespace

Scheduler::Scheduler(const Options& options, Clock* clock,
                     BatchObserver* observer)
    : options_(options),
      clock_(clock),
      observer_(observer),
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
  {
    MutexLock lock(&mu_);
    if (static_cast<int64_t>(waiting_.size()) < options_.max_waiting) {
      task.submitted = clock_->Monotonic();
      waiting_.push_back(std::move(task));
      work_.notify_one();
      return;
    }
  }
  ErrorInfo info;
  info.reason = "QUEUE_FULL";
  info.retry_after = absl::Milliseconds(100);
  std::move(task.done)(MakeError(
      absl::StatusCode::kResourceExhausted,
      absl::StrCat("the server's queue is full: ", options_.max_waiting,
                   " segments wait"),
      info));
}

int64_t Scheduler::waiting() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(waiting_.size());
}

void Scheduler::Run() {
  Batch batch;
  while (NextBatch(&batch)) {
    for (StepTask& task : batch.dropped) {
      std::move(task.done)(DropReason(task));
    }
    if (!batch.tasks.empty()) RunBatch(std::move(batch.tasks));
    batch = Batch{};
  }
}

bool Scheduler::NextBatch(Batch* batch) {
  MutexLock lock(&mu_);
  while (waiting_.empty() && !closed_) lock.Wait(work_);
  if (waiting_.empty()) return false;
  TakeDecided(batch);
  return true;
}

void Scheduler::TakeDecided(Batch* batch) {
  std::vector<WaitingSegment> views;
  views.reserve(waiting_.size());
  for (const StepTask& task : waiting_) views.push_back(View(task));
  const BatchDecision decision =
      DecideBatch(views, clock_->Monotonic(), options_.batch);
  std::vector<bool> taken(waiting_.size(), false);
  for (const size_t i : decision.drop) {
    batch->dropped.push_back(std::move(waiting_[i]));
    taken[i] = true;
  }
  for (const size_t i : decision.run) {
    batch->tasks.push_back(std::move(waiting_[i]));
    taken[i] = true;
  }
  std::deque<StepTask> left;
  for (size_t i = 0; i < waiting_.size(); ++i) {
    if (!taken[i]) left.push_back(std::move(waiting_[i]));
  }
  waiting_ = std::move(left);
}

void Scheduler::RunBatch(std::vector<StepTask> tasks) {
  const absl::Duration start = clock_->Monotonic();
  absl::StatusOr<std::vector<StepOutcome>> outcomes = Compute(&tasks);
  const absl::Duration device = clock_->Monotonic() - start;
  const auto rows = static_cast<int64_t>(tasks.size());
  int64_t tokens = 0;
  for (const StepTask& task : tasks) {
    tokens += static_cast<int64_t>(task.tokens.size());
  }
  observer_->OnBatch(tasks.front().model->spec(), rows, tokens, device);
  for (size_t i = 0; i < tasks.size(); ++i) {
    if (!outcomes.ok()) {
      std::move(tasks[i].done)(outcomes.status());
      continue;
    }
    StepOutcome& outcome = (*outcomes)[i];
    outcome.queue = start - tasks[i].submitted;
    outcome.device = device;
    outcome.batch_size = rows;
    std::move(tasks[i].done)(std::move(outcome));
  }
}

}  // namespace mneme
