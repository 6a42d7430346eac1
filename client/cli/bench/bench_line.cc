#include "client/cli/bench/bench_line.h"

#include <sys/prctl.h>

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "client/cli/bench/process_cpu.h"
#include "client/cli/explain.h"
#include "client/cli/text_table.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(200);
// For what is under way when the time is over.
constexpr absl::Duration kDrain = absl::Seconds(10);

// Linux wakes a thread up to 50 us late, to save power: too late for arrivals.
void WakeThisThreadOnTime() { prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL); }

}  // namespace

BenchLine::BenchLine(client::Client& client, client::Timer& timer,
                     const BenchArguments& arguments, const BenchPlan& plan,
                     const BenchLoad& load, uint64_t seed,
                     const Environment& environment)
    : arguments_(arguments),
      environment_(environment),
      open_loop_(load.open_loop()),
      progress_(environment.err, environment.terminal, 0),
      totals_(arguments.segments) {
  if (open_loop_) {
    schedule_.emplace(arguments.arrivals, load.rate, load.sessions,
                      RandomBits::Mix(seed, 0));
  }
  const BenchSession::Context context = {client, timer,      arguments,
                                         plan,   open_loop_, *this};
  for (uint64_t i = 1; i <= load.sessions; ++i) {
    sessions_.push_back(
        std::make_unique<BenchSession>(context, RandomBits::Mix(seed, i)));
  }
}

absl::Status BenchLine::Run() {
  absl::Status status = OpenSessions();
  if (status.ok()) Measure();
  status.Update(EndSessions());
  if (status.ok() && environment_.is_interrupted()) {
    return absl::CancelledError("interrupted");
  }
  return status;
}

absl::Status BenchLine::OpenSessions() {
  for (auto& session : sessions_) session->Open();
  for (;;) {
    Wait(absl::InfiniteDuration());
    if (environment_.is_interrupted()) {
      return absl::CancelledError("interrupted before anything was measured");
    }
    MutexLock lock(&mu_);
    RETURN_IF_ERROR(open_error_);
    if (opened_ == sessions_.size()) return absl::OkStatus();
  }
}

void BenchLine::Measure() {
  if (open_loop_) WakeThisThreadOnTime();
  start_ = Now();
  const absl::Duration begin = *start_ + arguments_.warmup;
  const absl::Duration end = arguments_.segments > 0
                                 ? absl::InfiniteDuration()
                                 : begin + arguments_.duration;
  {
    MutexLock lock(&mu_);
    totals_.Begin(begin);
  }
  cpu_begin_ = ProcessCpuTime();
  for (auto& session : sessions_) session->Start();
  bool begun = false;
  for (absl::Duration now = Now(); !EndIfOver(now, end); now = Now()) {
    if (now >= begin && !std::exchange(begun, true)) {
      cpu_begin_ = ProcessCpuTime();
    }
    Deliver(std::min(now, end));
    ShowProgress();
    Wait(begun ? end : begin);
  }
  Deliver(std::min(Now(), end));
  cpu_end_ = ProcessCpuTime();
}

bool BenchLine::EndIfOver(absl::Duration now, absl::Duration end) {
  MutexLock lock(&mu_);
  if (now >= end || environment_.is_interrupted()) {
    totals_.End(std::min(now, end));
  }
  return totals_.ended();
}

void BenchLine::Deliver(absl::Duration until) {
  while (schedule_.has_value() && *start_ + schedule_->next().due <= until) {
    const absl::Duration due = *start_ + schedule_->next().due;
    sessions_[schedule_->next().session]->Arrive(due);
    schedule_->Pop();
    MutexLock lock(&mu_);
    totals_.Noticed(due, Now());
  }
}

void BenchLine::Wait(absl::Duration deadline) {
  if (schedule_.has_value() && start_.has_value()) {
    deadline = std::min(deadline, *start_ + schedule_->next().due);
  }
  deadline = std::min(deadline, Now() + kTick);
  std::vector<std::unique_ptr<SegmentSender>> retired;
  {
    MutexLock lock(&mu_);
    while (!changed_ && Now() < deadline) {
      environment_.clock->WaitUntil(lock, change_, deadline);
    }
    changed_ = false;
    retired.swap(retired_);
  }
}

void BenchLine::NoteChange() {
  changed_ = true;
  change_.notify_all();
}

void BenchLine::ShowProgress() {
  if (!environment_.terminal) return;
  const absl::Duration now = Now();
  if (now < next_look_) return;
  next_look_ = now + kTick;
  uint64_t segments = 0;
  uint64_t tokens = 0;
  {
    MutexLock lock(&mu_);
    segments = totals_.segments;
    tokens = totals_.tokens;
  }
  const absl::Duration begin = *start_ + arguments_.warmup;
  const double done =
      arguments_.segments > 0
          ? static_cast<double>(segments) /
                static_cast<double>(arguments_.segments)
          : absl::FDivDuration(now - *start_,
                               arguments_.warmup + arguments_.duration);
  progress_.Show(done, tokens, segments, now - std::min(now, begin));
}

absl::Status BenchLine::EndSessions() {
  for (auto& session : sessions_) session->Stop();
  const absl::Duration deadline = Now() + kDrain;
  bool cancelled = false;
  while (!AllEnded()) {
    const bool hurry = environment_.is_interrupted() || Now() >= deadline;
    if (hurry && !std::exchange(cancelled, true)) {
      for (auto& session : sessions_) session->Cancel();
    }
    Wait(cancelled ? absl::InfiniteDuration() : deadline);
  }
  progress_.Finish();
  MutexLock lock(&mu_);
  if (left_behind_ == 0) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(
      Counted(left_behind_, "session"), " of the bench could not be closed (",
      close_error_.message(),
      "); `mneme sessions --prefix bench-` lists them"));
}

bool BenchLine::AllEnded() const {
  MutexLock lock(&mu_);
  return ended_ == sessions_.size();
}

LineTotals BenchLine::totals() const {
  MutexLock lock(&mu_);
  return totals_;
}

void BenchLine::OnOpened(const absl::Status& status) {
  MutexLock lock(&mu_);
  open_error_.Update(status);
  ++opened_;
  if (!status.ok() || opened_ == sessions_.size()) NoteChange();
}

void BenchLine::OnReopened() {
  const absl::Duration now = Now();
  MutexLock lock(&mu_);
  totals_.Reopened(now);
}

void BenchLine::OnAnswer(const SegmentTimes& times,
                         const client::SegmentResult& segment) {
  MutexLock lock(&mu_);
  totals_.Answered(times, segment);
  if (totals_.ended()) NoteChange();
}

void BenchLine::OnUnanswered(const SegmentTimes& times) {
  MutexLock lock(&mu_);
  totals_.Unanswered(times);
}

void BenchLine::OnRetry() {
  const absl::Duration now = Now();
  MutexLock lock(&mu_);
  totals_.Retried(now);
}

void BenchLine::OnFailed(const absl::Status& error, uint64_t segments) {
  const absl::Duration now = Now();
  MutexLock lock(&mu_);
  totals_.Failed(error, segments, now);
  if (totals_.ended()) NoteChange();
}

void BenchLine::Retire(std::unique_ptr<SegmentSender> sender) {
  MutexLock lock(&mu_);
  retired_.push_back(std::move(sender));
}

void BenchLine::OnEnded(const absl::Status& closed) {
  MutexLock lock(&mu_);
  if (!closed.ok()) ++left_behind_;
  close_error_.Update(closed);
  if (++ended_ == sessions_.size()) NoteChange();
}

}  // namespace mneme::cli
