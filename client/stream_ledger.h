#ifndef MNEME_CLIENT_STREAM_LEDGER_H_
#define MNEME_CLIENT_STREAM_LEDGER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "client/handle.h"
#include "client/kept_input.h"
#include "client/segment_message.h"
#include "client/segment_result.h"

namespace mneme::client {

// The books of one stream: what was sent, what was answered, what is durable,
// and which results were handed on. Checks every reply against them: what does
// not fit is an INTERNAL error, never a result. Thread-compatible; owned by
// StreamCore. No input or output of its own.
//
// Invariant: resume() <= answered <= sent; results are handed on once a step.
class StreamLedger {
 public:
  StreamLedger(uint32_t segment_size, const MemoryHandle& at)
      : kept_(segment_size, at.step),
        resume_(at),
        head_(at),
        farthest_{at.step, 0},
        answered_{at.step, 0},
        delivered_(at.step) {}

  KeptInput& input() { return kept_; }
  const KeptInput& input() const { return kept_; }

  // A new call begins: what is not durable will be sent once more.
  void BeginCall();
  // The next message, of at most `max_tokens`, noted as sent at `now`. Nothing
  // if there is none.
  absl::optional<KeptInput::Message> Send(size_t max_tokens,
                                          absl::Duration now);
  // Books the answer to the oldest message under way, and leaves in
  // `reply.segments` the results that were not handed on before.
  absl::Status Accept(StreamReply& reply, absl::Duration now);

  size_t in_flight() const { return in_flight_.size(); }
  // Everything was sent and answered.
  bool all_answered() const { return in_flight_.empty() && kept_.all_sent(); }
  // The last durable handle that was reached: where a call starts.
  const MemoryHandle& resume() const { return resume_; }
  const MemoryHandle& head() const { return head_; }
  // Whether an answer went further than any before since the last time asked.
  bool TakeProgress();

 private:
  struct Sent {
    absl::Duration time;
    KeptInput::Place end;
  };

  absl::Status CheckPlace(const StreamReply& reply, const Sent& sent) const;
  void TakeFresh(std::vector<SegmentResult>& segments,
                 absl::Duration reply_time);
  void MoveDurable(const StreamReply& reply);

  KeptInput kept_;
  std::deque<Sent> in_flight_;
  MemoryHandle resume_;
  MemoryHandle head_;
  KeptInput::Place farthest_;
  KeptInput::Place answered_;  // in this call
  uint64_t delivered_;
  std::map<uint64_t, std::string> digests_;  // handed on, after resume_
  bool progress_ = false;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_STREAM_LEDGER_H_
