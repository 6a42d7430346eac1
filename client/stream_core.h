#ifndef MNEME_CLIENT_STREAM_CORE_H_
#define MNEME_CLIENT_STREAM_CORE_H_

#include <condition_variable>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "client/retry_policy.h"
#include "client/session_stream.h"
#include "client/stream_ledger.h"
#include "client/timer.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "server/base/mutex.h"

namespace mneme::client {

class StreamCall;

// The inside of a SessionStream: its kept input, where the server stands, and
// the call under way. Thread-safe. Owned by the SessionStream, its call and its
// waiting timer together, for the last of them to end.
//
//   kWaiting (for the first call, or a retry) -> kCalling -> kWaiting
//   kCalling, kWaiting -> kEnding (OnDone is being called) -> kDone
class StreamCore : public std::enable_shared_from_this<StreamCore> {
 public:
  // `stub` and `handler` must live until Wait() returned.
  StreamCore(v1::Segments::StubInterface* stub, std::string tenant,
             std::shared_ptr<Timer> timer, StreamOptions options,
             StreamHandler* handler);

  // The SessionStream's functions, which see. Open() is called once, first.
  void Open() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Write(absl::Span<const int32_t> tokens, bool flush = false)
      ABSL_LOCKS_EXCLUDED(mu_);
  size_t Room() const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status WaitForRoom(size_t tokens) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Flush() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Finish() ABSL_LOCKS_EXCLUDED(mu_);
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Wait() ABSL_LOCKS_EXCLUDED(mu_);
  MemoryHandle durable() const ABSL_LOCKS_EXCLUDED(mu_);
  MemoryHandle head() const ABSL_LOCKS_EXCLUDED(mu_);

  // For the StreamCall. NextRequest: what to write now, if anything.
  enum class Next { kRequest, kNothing, kFinished };
  Next NextRequest(v1::SegmentRequest& request) ABSL_LOCKS_EXCLUDED(mu_);
  // Delivers what is new in it. An error: the reply makes no sense, and
  // the call must be cancelled.
  absl::Status OnReply(const v1::SegmentReply& wire) ABSL_LOCKS_EXCLUDED(mu_);
  // After OnReply, and after the freed place in the window was used.
  void OnReplyDone() ABSL_LOCKS_EXCLUDED(mu_);
  void OnCallDone(absl::Status status) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class Phase { kCalling, kWaiting, kEnding, kDone };

  absl::Status CheckOpen() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  size_t RoomLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Everything was answered, and there is no more input.
  bool Complete() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether the stream ends after a call that ended with `status`, and with
  // what; else `delay` is the wait before the next call.
  bool IsFinal(absl::Status& status, absl::Duration& delay)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Lets the call, if there is one, write what there is.
  void Pump() ABSL_LOCKS_EXCLUDED(mu_);
  void End(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  v1::Segments::StubInterface* const stub_;
  const std::string tenant_;
  const std::shared_ptr<Timer> timer_;
  const StreamOptions options_;
  StreamHandler* const handler_;

  mutable Mutex mu_;
  std::condition_variable changed_;
  Phase phase_ ABSL_GUARDED_BY(mu_) = Phase::kWaiting;
  std::shared_ptr<StreamCall> call_ ABSL_GUARDED_BY(mu_);
  StreamLedger ledger_ ABSL_GUARDED_BY(mu_);
  RetryPolicy policy_ ABSL_GUARDED_BY(mu_);
  bool first_request_ ABSL_GUARDED_BY(mu_) = true;  // of the call
  bool input_finished_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status broken_ ABSL_GUARDED_BY(mu_);  // by a reply that does not fit
  absl::Status result_ ABSL_GUARDED_BY(mu_);  // of the stream, at its end
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_STREAM_CORE_H_
