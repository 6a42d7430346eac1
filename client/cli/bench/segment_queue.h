#ifndef MNEME_CLIENT_CLI_BENCH_SEGMENT_QUEUE_H_
#define MNEME_CLIENT_CLI_BENCH_SEGMENT_QUEUE_H_

#include <cstddef>
#include <deque>

#include "absl/time/time.h"

namespace mneme::cli {

// When a segment should have been sent, was sent, and was answered.
struct SegmentTimes {
  absl::Duration due;
  absl::Duration sent;
  absl::Duration answered;

  // What a user waits who comes when it is due: also for those before him.
  absl::Duration latency() const { return answered - due; }
  // What the server took, once it was sent.
  absl::Duration service() const { return answered - sent; }
};

// The segments of one session: those that are due, which wait here for a place,
// and those under way, in order. The time at which a segment was due stays with
// it, however long it waits: so a server that stalls is charged for every
// segment that would have come meanwhile (no coordinated omission).
// Thread-compatible.
class SegmentQueue {
 public:
  // At most `in_flight` > 0 are under way.
  explicit SegmentQueue(size_t in_flight) : in_flight_(in_flight) {}

  // A segment is due at `due`, not before those that came before it.
  void Arrive(absl::Duration due) { due_.push_back(due); }

  bool has_place() const { return under_way_.size() < in_flight_; }
  bool CanSend() const { return !due_.empty() && has_place(); }
  // REQUIRES: CanSend().
  void Send(absl::Duration now);
  // The oldest one under way was answered at `now`; it stays under way until it
  // is dropped. REQUIRES of both: there is one.
  SegmentTimes Oldest(absl::Duration now) const;
  void DropOldest() { under_way_.pop_front(); }

  size_t under_way() const { return under_way_.size(); }
  // Gives up what is under way (whose `answered` is now), or only due, and
  // returns it.
  std::deque<SegmentTimes> DropUnderWay(absl::Duration now);
  std::deque<SegmentTimes> DropDue(absl::Duration now);

 private:
  const size_t in_flight_;
  std::deque<absl::Duration> due_;
  std::deque<SegmentTimes> under_way_;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_SEGMENT_QUEUE_H_
