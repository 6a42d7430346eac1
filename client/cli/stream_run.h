#ifndef MNEME_CLIENT_CLI_STREAM_RUN_H_
#define MNEME_CLIENT_CLI_STREAM_RUN_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/cli/progress.h"
#include "client/cli/record_file.h"
#include "client/cli/run_totals.h"
#include "client/cli/session_feed.h"
#include "client/cli/stream_plan.h"
#include "client/client.h"

namespace mneme::cli {

// The streams of one `mneme stream`, from the first byte to the last reply. Run
// by the command's thread; the feeds report to it from gRPC's threads.
class StreamRun : public FeedObserver {
 public:
  // All must outlive this. `record` is open, and closed by Run().
  StreamRun(client::Client& client, const StreamArguments& arguments,
            const Environment& environment, const StreamPlan& plan,
            RecordFile& record);

  // Streams everything. The first error of a session, after all have ended;
  // CANCELLED if it was interrupted.
  absl::Status Run() ABSL_LOCKS_EXCLUDED(mu_);

  // After Run().
  RunTotals totals() const ABSL_LOCKS_EXCLUDED(mu_);
  // Where each session of the plan goes on: where it began, if its stream was
  // never started.
  std::vector<ResumePoint> Rests() const;

  void OnSegment(size_t part, const client::SegmentResult& segment) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnRetry(size_t part, const absl::Status& error,
               const client::MemoryHandle& from) override
      ABSL_LOCKS_EXCLUDED(mu_);
  void OnDone(size_t part, const absl::Status& status) override
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Session {
    bool retrying = false;
    absl::Status status;
  };

  absl::Status StartFeeds();
  // Shows progress until every session has ended.
  void WaitForSessions() ABSL_LOCKS_EXCLUDED(mu_);
  // Prints what the sessions had to say since the last time.
  void PrintNotes() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status FirstError() const ABSL_LOCKS_EXCLUDED(mu_);

  client::Client& client_;
  const StreamArguments& arguments_;
  const Environment& environment_;
  const StreamPlan& plan_;
  Progress progress_;
  RecordFile& record_;
  std::vector<std::unique_ptr<SessionFeed>> feeds_;

  mutable Mutex mu_;
  std::condition_variable changed_;
  RunTotals totals_ ABSL_GUARDED_BY(mu_);
  std::vector<Session> sessions_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> notes_ ABSL_GUARDED_BY(mu_);
  size_t ended_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_STREAM_RUN_H_
