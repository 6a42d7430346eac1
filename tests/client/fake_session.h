#ifndef MNEME_TESTS_CLIENT_FAKE_SESSION_H_
#define MNEME_TESTS_CLIENT_FAKE_SESSION_H_

#include <grpcpp/support/status.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <set>
#include <string>
#include <vector>

#include "mneme/v1/segments.pb.h"
#include "mneme/v1/sessions.pb.h"

namespace mneme::testing {

// The digest after a segment: 32 bytes that depend on the one before and on
// every token (no SHA-256, but as good for tests).
std::string FakeDigest(const std::string& before, const std::string& tokens);

// Where one stream stands: after `step`, and after the tokens of `tail`.
struct FakePlace {
  bool known = false;
  std::string session_id;
  uint64_t step = 0;
  std::string tail;
  std::vector<std::string> outputs;
};

// One session of the FakeServer: the steps applied and the tail, by the API's
// contract. Thread-compatible.
//
// The "model" scores token t with log-probability -(t % 7) / 10, NaN for the
// session's first, and expects t + 1 next.
class FakeSession {
 public:
  FakeSession() = default;
  FakeSession(v1::OpenSessionRequest spec, uint32_t segment_size,
              uint64_t retained);

  // Finds the place that a stream's first request names.
  grpc::Status Find(const v1::Position& at, FakePlace& place) const;
  // Applies a request's tokens and flush from `place` on.
  grpc::Status Apply(const v1::SegmentRequest& request, FakePlace& place,
                     v1::SegmentReply& reply);
  // Drops the tail and the steps after `step`.
  void LoseAfter(uint64_t step);
  void Corrupt(uint64_t step);
  // Pinned steps can be named however old they are, but not streamed from.
  grpc::Status Pin(const v1::MemoryHandle& handle);
  void Unpin(const v1::MemoryHandle& handle);
  void SetTtls(const v1::TouchSessionRequest& request);
  // Whether the handle names a step that can be named: OK, NOT_RETAINED or a
  // conflict.
  grpc::Status CheckRetained(const v1::MemoryHandle& handle) const;
  // A session that begins with this one's value at `step`.
  FakeSession ForkAt(uint64_t step, const std::string& fork_id) const;
  // One that begins with `text` applied, in `step` segments, at `digest`.
  static FakeSession Imported(v1::OpenSessionRequest spec,
                              uint32_t segment_size, uint64_t retained,
                              const v1::MemoryHandle& at,
                              const std::string& text);

  v1::MemoryHandle HandleAt(uint64_t step) const;
  uint64_t head() const { return steps_.size() - 1; }
  uint32_t tail() const { return static_cast<uint32_t>(tail_.size()); }
  // The newest values stay, and where the newest messages began.
  uint64_t oldest() const {
    uint64_t oldest = head() < retained_ ? 0 : head() - retained_;
    if (!message_starts_.empty()) {
      oldest = std::min(oldest, message_starts_.front());
    }
    return std::max(first_, oldest);
  }
  // `lag` steps before the head, where the session has them.
  uint64_t durable(uint64_t lag) const {
    return std::max(first_, head() - std::min(lag, head()));
  }
  const std::set<uint64_t>& pins() const { return pins_; }
  // All that was applied up to the head, or to `step`.
  std::string text() const { return TextAt(head()); }
  std::string TextAt(uint64_t step) const;
  const v1::OpenSessionRequest& spec() const { return spec_; }

 private:
  struct Step {
    std::string tokens;
    std::string digest;
  };

  grpc::Status ApplySegment(const std::string& tokens, FakePlace& place,
                            v1::SegmentReply& reply);
  void NoteMessage(uint64_t start);
  grpc::Status MergeTail(const FakePlace& place);
  grpc::Status Conflict(const std::string& why) const;
  v1::SegmentResult ResultOf(uint64_t step,
                             const std::vector<std::string>& outputs) const;

  v1::OpenSessionRequest spec_;
  uint32_t segment_size_ = 0;
  uint64_t retained_ = 0;  // values, and messages
  std::deque<uint64_t> message_starts_;
  std::vector<Step> steps_;  // the first is the initial memory
  uint64_t first_ = 0;       // the step that the session began with
  std::set<uint64_t> pins_;
  std::string tail_;
};

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_FAKE_SESSION_H_
