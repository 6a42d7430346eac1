#ifndef MNEME_TESTS_CLIENT_FAKE_SESSION_H_
#define MNEME_TESTS_CLIENT_FAKE_SESSION_H_

#include <grpcpp/support/status.h>

#include <algorithm>
#include <cstdint>
#include <deque>
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

  v1::MemoryHandle HandleAt(uint64_t step) const;
  uint64_t head() const { return steps_.size() - 1; }
  uint32_t tail() const { return static_cast<uint32_t>(tail_.size()); }
  // The newest values stay, and where the newest messages began.
  uint64_t oldest() const {
    const uint64_t oldest = head() < retained_ ? 0 : head() - retained_;
    return message_starts_.empty() ? oldest
                                   : std::min(oldest, message_starts_.front());
  }
  std::string text() const;
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
  std::string tail_;
};

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_FAKE_SESSION_H_
