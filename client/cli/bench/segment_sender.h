#ifndef MNEME_CLIENT_CLI_BENCH_SEGMENT_SENDER_H_
#define MNEME_CLIENT_CLI_BENCH_SEGMENT_SENDER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "client/client.h"
#include "client/timer.h"

namespace mneme::cli {

// One session's way to the server, a message a segment. Tells a StreamHandler
// what comes of it (OnSegment, OnRetry, and OnDone once, last), from the
// threads of gRPC and of a timer, without a lock held. The functions of one
// sender are called one at a time; those that end it may call OnDone.
class SegmentSender {
 public:
  // May block until OnDone has returned. REQUIRES: OnDone was called; not
  // called from the handler.
  virtual ~SegmentSender() = default;

  // REQUIRES: fewer are under way than the sender was made for. `flush`: the
  // tokens are less than a segment.
  virtual void Send(const std::vector<int32_t>& tokens, bool flush) = 0;
  // No more is sent. REQUIRES: nothing is under way.
  virtual void Finish() = 0;
  // What is under way is given up: ends it soon, with CANCELLED, unless it was
  // answered meanwhile. REQUIRES: something was under way, or Finish was
  // called.
  virtual void Cancel() = 0;
};

// By the client's SessionStream: one call for the session.
absl::StatusOr<std::unique_ptr<SegmentSender>> MakeStreamSender(
    client::Client& client, client::StreamOptions options,
    client::StreamHandler* handler);

// By Process: a call for each segment, one at a time, tried again as a stream
// is. `client` and `timer` must outlive it.
std::unique_ptr<SegmentSender> MakeProcessSender(
    client::Client& client, client::Timer& timer,
    const client::StreamOptions& options, client::StreamHandler* handler);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_SEGMENT_SENDER_H_
