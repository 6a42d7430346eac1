#ifndef MNEME_CLIENT_SESSION_STREAM_H_
#define MNEME_CLIENT_SESSION_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "client/handle.h"
#include "client/retry_policy.h"
#include "client/segment_message.h"
#include "client/segment_result.h"

namespace mneme::client {

class StreamCore;

// What a stream does for its owner. The functions of one stream are called one
// at a time, from the threads of gRPC and of the client's timer, without a lock
// held; they must not block, and may call the stream.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;

  // A segment was applied. Called in the order of the steps, once for each step
  // after StreamOptions::at, whatever happened to connections in between.
  virtual void OnSegment(const SegmentResult& segment) = 0;

  // Room() has become positive again.
  virtual void OnRoom() {}

  // The call ended with `error`; after `delay` the stream goes on from `from`.
  virtual void OnRetry(const absl::Status& /*error*/,
                       const MemoryHandle& /*from*/, absl::Duration /*delay*/) {
  }

  // The end: OK after Finish() and every reply, else the error. Called exactly
  // once, last.
  virtual void OnDone(const absl::Status& status) = 0;
};

// Whose segments the server runs first; see the proto.
enum class Priority { kHigh, kNormal, kLow };

struct StreamOptions {
  // REQUIRED. Where the input goes: the session's head, or an older handle that
  // it retains, to have its segments answered again.
  MemoryHandle at;
  // REQUIRED. The model's segment size (ModelInfo).
  uint32_t segment_size = 0;
  // Sends the input as text rather than as token ids. Only for models whose
  // tokenizer is "bytes".
  bool text = false;
  OutputSelection outputs;
  Priority priority = Priority::kNormal;
  // Tokens in one message; 0: a segment. More cost less CPU and more latency.
  size_t max_message_tokens = 0;
  // Messages sent and not yet answered. 1 leaves the server idle for a round
  // trip between segments; more only add waiting. If their replies are lost,
  // they must still be there to be retried: keep it at or below the server's
  // --retain-messages (default 8).
  size_t window = 2;
  // Tokens that Write() takes in before they can be sent; 0: two messages.
  size_t buffer_tokens = 0;
  RetryOptions retry;
};

// One session's stream of tokens, exactly once: it keeps the tokens after the
// last durable handle, and when the call ends for a passing reason opens it
// again there and sends them once more. The server answers what it had applied
// from what it kept; results that were delivered are not delivered again.
//
// Made by Client::Stream(). Thread-safe, but the input's order is the callers'
// matter. Memory: the buffer, the window, and what is not durable yet.
class SessionStream {
 public:
  // `channel` is what the core's calls need, kept until they have ended.
  SessionStream(std::shared_ptr<StreamCore> core,
                std::shared_ptr<const void> channel);
  // Cancels, and waits for OnDone. REQUIRES: not called from the handler.
  ~SessionStream();
  SessionStream(const SessionStream&) = delete;
  SessionStream& operator=(const SessionStream&) = delete;

  // Adds input; never blocks. RESOURCE_EXHAUSTED if it is more than Room(),
  // FAILED_PRECONDITION after Finish(), the stream's error after OnDone.
  absl::Status Write(absl::Span<const int32_t> tokens);
  absl::Status WriteText(absl::string_view text);
  // Write() and Flush() in one message, if there is place for one.
  absl::Status WriteAndFlush(absl::Span<const int32_t> tokens);
  // How many tokens Write() takes now.
  size_t Room() const;
  // Waits for that much room (at most the buffer) or the end of the stream,
  // whose status it returns. REQUIRES: not called from the handler.
  absl::Status WaitForRoom(size_t tokens);

  // Ends the segment that has begun: it is applied although it is short.
  absl::Status Flush();
  // There is no more input: the stream ends when all was answered.
  absl::Status Finish();
  // Ends it now, with CANCELLED; what was sent may still be applied.
  void Cancel();
  // Waits for OnDone, whose status it returns. REQUIRES: not called from the
  // handler.
  absl::Status Wait();

  // The last durable handle: where a later stream can resume, with the tokens
  // after it.
  MemoryHandle durable() const;
  // The newest handle answered.
  MemoryHandle head() const;

 private:
  // Shared with the client and its other streams.
  const std::shared_ptr<const void> channel_;
  // Shared with the calls and waits under way, which outlive this object by a
  // moment.
  const std::shared_ptr<StreamCore> core_;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_SESSION_STREAM_H_
