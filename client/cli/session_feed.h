#ifndef MNEME_CLIENT_CLI_SESSION_FEED_H_
#define MNEME_CLIENT_CLI_SESSION_FEED_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "client/cli/handles_file.h"
#include "client/cli/text_part.h"
#include "client/client.h"
#include "client/session_stream.h"
#include "server/base/mutex.h"

namespace mneme::cli {

// What the feeds of a run report to. Called from the streams' threads, of
// several sessions at once: thread-safe.
class FeedObserver {
 public:
  virtual ~FeedObserver() = default;
  virtual void OnSegment(size_t part, const client::SegmentResult& segment) = 0;
  virtual void OnRetry(size_t part, const absl::Status& error,
                       const client::MemoryHandle& from) = 0;
  virtual void OnDone(size_t part, const absl::Status& status) = 0;
};

// One session of a run: reads its text as the stream has room, flushes at its
// end, and knows where to go on. Thread-safe; OnRoom may come from any thread.
class SessionFeed : public client::StreamHandler {
 public:
  // `observer` must outlive this. `part` numbers the session in the run.
  SessionFeed(size_t part, ResumePoint start, PartReader reader,
              FeedObserver* observer)
      : part_(part),
        start_(std::move(start)),
        observer_(observer),
        reader_(std::move(reader)) {}

  // Opens the stream from the start's handle. Called once.
  absl::Status Start(client::Client& client, client::StreamOptions options)
      ABSL_LOCKS_EXCLUDED(mu_);
  // REQUIRES of these: Start() was OK.
  void Cancel() { stream_->Cancel(); }
  absl::Status Wait() { return stream_->Wait(); }
  // After Wait(): the last durable handle, and the text after it.
  ResumePoint Rest() const ABSL_LOCKS_EXCLUDED(mu_);

  void OnSegment(const client::SegmentResult& segment) override;
  void OnRoom() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnRetry(const absl::Status& error, const client::MemoryHandle& from,
               absl::Duration delay) override;
  void OnDone(const absl::Status& status) override;

 private:
  // Where the text stands after a step.
  struct Mark {
    uint64_t step;
    uint64_t position;
  };

  absl::Status Feed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Note(const client::SegmentResult& segment) ABSL_LOCKS_EXCLUDED(mu_);

  const size_t part_;
  const ResumePoint start_;
  FeedObserver* const observer_;

  mutable Mutex mu_;
  PartReader reader_ ABSL_GUARDED_BY(mu_);
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status read_error_ ABSL_GUARDED_BY(mu_);
  std::deque<Mark> marks_ ABSL_GUARDED_BY(mu_);    // from the durable one on
  std::unique_ptr<client::SessionStream> stream_;  // set by Start(), before use
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_SESSION_FEED_H_
