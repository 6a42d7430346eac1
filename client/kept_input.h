#ifndef MNEME_CLIENT_KEPT_INPUT_H_
#define MNEME_CLIENT_KEPT_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace mneme::client {

// The tokens of one stream since the handle it would resume from, cut into
// segments as the server cuts them, and a cursor: what is before it was sent on
// the current connection. Rewind() puts the cursor back to the start, so that
// everything is sent once more. Thread-compatible; the owner is SessionStream.
//
// Invariant: all segments but the last are full or end in a flush.
class KeptInput {
 public:
  // A place between tokens: `offset` tokens into the segment that follows
  // `step` segments.
  struct Place {
    uint64_t step = 0;
    uint32_t offset = 0;
    friend bool operator==(const Place& a, const Place& b) {
      return a.step == b.step && a.offset == b.offset;
    }
    friend bool operator<(const Place& a, const Place& b) {
      return a.step != b.step ? a.step < b.step : a.offset < b.offset;
    }
  };

  // What one request carries, and where the stream stands after it.
  struct Message {
    std::vector<int32_t> tokens;
    // The tail that a flush finds after these tokens.
    absl::optional<uint32_t> flush_tail;
    Place end;
  };

  // Starts after `step` segments. REQUIRES: segment_size > 0.
  KeptInput(uint32_t segment_size, uint64_t step)
      : segment_size_(segment_size), first_step_(step), cursor_{step, 0} {}

  void Append(absl::Span<const int32_t> tokens);
  // Ends the segment that has begun, if any.
  void Flush();

  // The next message, of at most `max_tokens` > 0 tokens; it ends early at a
  // flush. Nothing when all was sent.
  absl::optional<Message> Next(size_t max_tokens);

  // Drops the segments before `step`, which are not sent again. REQUIRES: the
  // cursor is not before `step`.
  void ForgetBefore(uint64_t step);
  void Rewind() {
    cursor_ = {first_step_, 0};
    unsent_ = size_;
  }

  // The step to resume from.
  uint64_t first_step() const { return first_step_; }
  Place cursor() const { return cursor_; }
  // Tokens kept, and those of them after the cursor.
  size_t size() const { return size_; }
  size_t unsent() const { return unsent_; }
  // Nothing to send; a flush counts.
  bool all_sent() const;

 private:
  struct Segment {
    std::vector<int32_t> tokens;
    bool flushed = false;
  };

  bool Ended(const Segment& segment) const {
    return segment.flushed || segment.tokens.size() == segment_size_;
  }
  void EndSegment() { cursor_ = {cursor_.step + 1, 0}; }

  const uint32_t segment_size_;
  uint64_t first_step_;
  std::deque<Segment> segments_;
  Place cursor_;
  size_t size_ = 0;
  size_t unsent_ = 0;
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_KEPT_INPUT_H_
