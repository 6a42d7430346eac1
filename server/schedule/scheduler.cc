#include "server/schedule/scheduler.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// One that the device runs, and the next right behind it.
constexpr int64_t kBatchesInFlight = 2;

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
    rows[i].save = tasks[i].save;
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

// Loads the memories that are saved bytes. Tasks whose bytes do not load are
// answered and gone.
std::vector<StepTask> Loaded(std::vector<StepTask> tasks) {
  std::vector<StepTask*> saved;
  for (StepTask& task : tasks) {
    if (task.memory == nullptr) saved.push_back(&task);
  }
  // When one cannot be loaded none is: then each by itself, below.
  LoadMemories(saved).IgnoreError();
  std::vector<StepTask> loaded;
  loaded.reserve(tasks.size());
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
  return loaded;
}

StepOutcome OutcomeOf(const StepTask& task, StepResult result) {
  StepOutcome outcome;
  if (task.save) {
    outcome.saved_memory =
        std::make_shared<const std::string>(std::move(result.saved_memory));
  }
  outcome.result = std::move(result);
  outcome.queue = task.waited;
  return outcome;
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
      completion_(clock,
                  [this](StartedBatch batch,
                         absl::StatusOr<std::vector<StepResult>> results,
                         absl::Duration device) {
                    OnFinished(std::move(batch), std::move(results), device);
                  }),
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
      return;
    }
  }
  std::move(task.done)(std::move(entered));
}

int64_t Scheduler::waiting() const {
  MutexLock lock(&mu_);
  return room_.size();
}

void Scheduler::Run() {
  while (TakeInbox()) {
    Batch batch = TakeBatch();
    const absl::Duration now = clock_->Monotonic();
    for (StepTask& task : batch.dropped) {
      std::move(task.done)(DropReason(task, now));
    }
    if (!batch.tasks.empty()) StartBatch(std::move(batch.tasks));
  }
}

bool Scheduler::IsDue() const {
  if (!ended_.empty()) return true;
  if (load_.batches() >= kBatchesInFlight) return false;
  if (!again_.empty()) return true;
  if (closed_ && (!ready_.empty() || !inbox_.empty())) return true;
  return static_cast<int64_t>(inbox_.size()) >= wait_arrivals_ ||
         clock_->Monotonic() >= wait_until_;
}

bool Scheduler::IsAtEnd() const {
  return closed_ && load_.batches() == 0 && again_.empty() && ready_.empty() &&
         inbox_.empty();
}

bool Scheduler::TakeInbox() {
  std::deque<StepTask> arrived;
  std::vector<EndedBatch> ended;
  {
    MutexLock lock(&mu_);
    while (!IsDue() && !IsAtEnd()) {
      const bool full = load_.batches() >= kBatchesInFlight;
      clock_->WaitUntil(lock, work_,
                        full ? absl::InfiniteDuration() : wait_until_);
    }
    if (ended_.empty() && IsAtEnd()) return false;
    arrived.swap(inbox_);
    ended.swap(ended_);
    closing_ = closed_;
  }
  Learn(ended);
  for (StepTask& task : arrived) {
    task.tenant_number = shares_.Enter(task.tenant);
    if (task.session != nullptr) {
      returns_.Returned(task.session, task.submitted);
    }
    ready_.push_back(std::move(task));
  }
  return true;
}

void Scheduler::Learn(const std::vector<EndedBatch>& ended) {
  for (const EndedBatch& batch : ended) {
    load_.Ended(batch.at);
    if (batch.worked) {
      steps_.Record(batch.model, batch.tokens, batch.device, batch.at);
    }
    for (const void* session : batch.sessions) {
      returns_.Answered(batch.model, session, batch.at);
    }
  }
}

Scheduler::Batch Scheduler::TakeBatch() {
  if (load_.batches() >= kBatchesInFlight) return {};
  {
    MutexLock lock(&mu_);
    if (!again_.empty()) {
      Batch batch;
      batch.tasks = std::move(again_.front());
      again_.pop_front();
      // The policy has not seen what came meanwhile.
      wait_until_ = -absl::InfiniteDuration();
      return batch;
    }
  }
  Batch batch = NextBatch();
  const absl::Duration now = clock_->Monotonic();
  for (StepTask& task : batch.tasks) task.waited = now - task.submitted;
  batch.tasks = Loaded(std::move(batch.tasks));
  return batch;
}

SchedulerState Scheduler::State() const {
  SchedulerState state;
  state.device_free = load_.Free(steps_);
  state.tenants = shares_.shares();
  state.steps = &steps_;
  // At the end nobody is waited for.
  if (!closing_) {
    state.running = load_.AsOne();
    state.returns = &returns_;
  }
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

void Scheduler::StartBatch(std::vector<StepTask> tasks) {
  const absl::Duration start = clock_->Monotonic();
  auto step = tasks.front().model->Start(Rows(tasks));
  if (!step.ok()) {
    observer_->OnBatch(tasks.front().model->spec(),
                       static_cast<int64_t>(tasks.size()), TokensOf(tasks),
                       clock_->Monotonic() - start);
    return Fail(std::move(tasks), step.status());
  }
  load_.Started(tasks.front().model, static_cast<int64_t>(tasks.size()),
                TokensOf(tasks), start);
  completion_.Push({std::move(tasks), *std::move(step), start});
}

Scheduler::EndedBatch Scheduler::EndOf(absl::Span<const StepTask> tasks,
                                       absl::Duration device,
                                       absl::Duration at) {
  EndedBatch ended;
  ended.model = tasks.front().model;
  ended.tokens = TokensOf(tasks);
  ended.device = device;
  ended.at = at;
  for (const StepTask& task : tasks) {
    if (task.session != nullptr) ended.sessions.push_back(task.session);
  }
  return ended;
}

void Scheduler::OnFinished(StartedBatch batch,
                           absl::StatusOr<std::vector<StepResult>> results,
                           absl::Duration device) {
  const auto rows = static_cast<int64_t>(batch.tasks.size());
  observer_->OnBatch(batch.tasks.front().model->spec(), rows,
                     TokensOf(batch.tasks), device);
  if (results.ok() && results->size() != batch.tasks.size()) {
    results = absl::InternalError(absl::StrCat(
        "a batch of ", rows, " rows gave ", results->size(), " results"));
  }
  EndedBatch ended = EndOf(batch.tasks, device, clock_->Monotonic());
  ended.worked = results.ok();
  // First what is to be run again: the executor may be at its end otherwise.
  const bool again = !results.ok() && rows > 1;
  if (again) {
    ended.sessions.clear();
    Fail(std::move(batch.tasks), results.status());
  }
  {
    // Before the sessions know, and can be back.
    MutexLock lock(&mu_);
    ended_.push_back(std::move(ended));
    work_.notify_one();
  }
  if (again) return;
  if (!results.ok()) return Fail(std::move(batch.tasks), results.status());
  for (size_t i = 0; i < batch.tasks.size(); ++i) {
    StepOutcome outcome = OutcomeOf(batch.tasks[i], std::move((*results)[i]));
    outcome.device = device;
    outcome.batch_size = rows;
    std::move(batch.tasks[i].done)(std::move(outcome));
  }
}

void Scheduler::Fail(std::vector<StepTask> tasks, const absl::Status& status) {
  if (tasks.size() == 1) return std::move(tasks.front().done)(status);
  const auto middle = tasks.begin() + static_cast<ptrdiff_t>(tasks.size() / 2);
  std::vector<StepTask> second(std::make_move_iterator(middle),
                               std::make_move_iterator(tasks.end()));
  tasks.erase(middle, tasks.end());
  MutexLock lock(&mu_);
  again_.push_back(std::move(tasks));
  again_.push_back(std::move(second));
  work_.notify_one();
}

}  // namespace mneme
