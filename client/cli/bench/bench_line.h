#ifndef MNEME_CLIENT_CLI_BENCH_BENCH_LINE_H_
#define MNEME_CLIENT_CLI_BENCH_BENCH_LINE_H_

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/arguments.h"
#include "client/cli/bench/arrival_schedule.h"
#include "client/cli/bench/bench_plan.h"
#include "client/cli/bench/bench_session.h"
#include "client/cli/bench/line_totals.h"
#include "client/cli/environment.h"
#include "client/cli/progress.h"
#include "client/client.h"
#include "server/base/mutex.h"

namespace mneme::cli {

// One measured line of a bench: opens its sessions, loads the server, waits for
// what is under way, and closes and erases them. Run by the command's thread,
// which also keeps the arrivals of an open loop; the sessions report to it from
// gRPC's threads.
class BenchLine : public BenchObserver {
 public:
  // All must outlive this. `seed`: no other line's.
  BenchLine(client::Client& client, client::Timer& timer,
            const BenchArguments& arguments, const BenchPlan& plan,
            const BenchLoad& load, uint64_t seed,
            const Environment& environment);

  // CANCELLED if it was interrupted; the error of a session that could not be
  // opened, then nothing was measured; ABORTED if sessions were left behind.
  absl::Status Run() ABSL_LOCKS_EXCLUDED(mu_);

  // After Run(). They have ended if anything was measured.
  LineTotals totals() const ABSL_LOCKS_EXCLUDED(mu_);
  // What this process took of the machine meanwhile.
  absl::Duration cpu_time() const { return cpu_end_ - cpu_begin_; }

  void OnOpened(const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnReopened() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnAnswer(const SegmentTimes& times,
                const client::SegmentResult& segment) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnUnanswered(const SegmentTimes& times) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnRetry() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnFailed(const absl::Status& error, uint64_t segments) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void Retire(std::unique_ptr<SegmentSender> sender) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnEnded(const absl::Status& closed) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status OpenSessions() ABSL_LOCKS_EXCLUDED(mu_);
  void Measure() ABSL_LOCKS_EXCLUDED(mu_);
  // Whether the window has ended: at `end`, by an interrupt, or before.
  bool EndIfOver(absl::Duration now, absl::Duration end)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Gives the sessions what is due by `until`.
  void Deliver(absl::Duration until) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for a change, but no longer than until `deadline`, the next arrival
  // or the next look at the screen. Destroys what was retired.
  void Wait(absl::Duration deadline) ABSL_LOCKS_EXCLUDED(mu_);
  void NoteChange() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ShowProgress() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status EndSessions() ABSL_LOCKS_EXCLUDED(mu_);
  bool AllEnded() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Duration Now() const { return environment_.clock->Monotonic(); }

  const BenchArguments& arguments_;
  const Environment& environment_;
  const bool open_loop_;
  Progress progress_;
  std::optional<ArrivalSchedule> schedule_;  // of an open loop
  std::optional<absl::Duration> start_;      // of the warm-up
  absl::Duration next_look_;
  absl::Duration cpu_begin_;
  absl::Duration cpu_end_;

  mutable Mutex mu_;
  std::condition_variable change_;
  bool changed_ ABSL_GUARDED_BY(mu_) = false;  // since Wait() looked
  LineTotals totals_ ABSL_GUARDED_BY(mu_);
  size_t opened_ ABSL_GUARDED_BY(mu_) = 0;
  size_t ended_ ABSL_GUARDED_BY(mu_) = 0;
  size_t left_behind_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status open_error_ ABSL_GUARDED_BY(mu_);   // the first
  absl::Status close_error_ ABSL_GUARDED_BY(mu_);  // the first
  std::vector<std::unique_ptr<SegmentSender>> retired_ ABSL_GUARDED_BY(mu_);

  std::vector<std::unique_ptr<BenchSession>> sessions_;  // last: they use it
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_BENCH_LINE_H_
