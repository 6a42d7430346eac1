#ifndef MNEME_SERVER_SESSION_DURABLE_HEAD_H_
#define MNEME_SERVER_SESSION_DURABLE_HEAD_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "server/session/session_record.h"

namespace mneme {

// Which of an async session's values is on disk: the newest of which that is
// known. The session notes each head when its commit was acknowledged; what the
// store says of its oldest commit that is not on disk (unsynced_since()) then
// tells which of the noted are. A head noted at that very moment does not
// count, so the answer may be older than the truth, never newer.
//
// Bounded: of the heads that are not on disk some are noted, the oldest and the
// newest among them, and the closer the newer. Invariant: steps and times of
// what is noted ascend, and are after the durable one's. Thread-compatible; the
// session's, under its lock.
class DurableHead {
 public:
  // At most so many heads are noted.
  static constexpr size_t kMostNoted = 8;

  // `head` is on disk.
  explicit DurableHead(const RetainedStep& head) : durable_(head) {}

  // `head` is the head, and its commit was acknowledged, at `now` at the latest
  // (Clock::Monotonic, the store's clock).
  void Note(const RetainedStep& head, absl::Duration now);
  // `head` is the head, wherever it was before, and on disk.
  void Reset(const RetainedStep& head);

  // The newest value known to be on disk, by what the store says now. REQUIRES:
  // nothing was noted since it said so.
  RetainedStep Newest(std::optional<absl::Duration> unsynced_since) const;
  // That is durable() from now on; what is older is forgotten.
  RetainedStep MoveOn(std::optional<absl::Duration> unsynced_since);

  const RetainedStep& durable() const { return durable_; }
  // The durable step and those that may be it next: the session retains them.
  std::vector<uint64_t> Steps() const;

 private:
  struct Noted {
    RetainedStep head;
    absl::Duration time;
  };

  // How many of noted_ are on disk; they are the first.
  size_t OnDisk(std::optional<absl::Duration> unsynced_since) const;

  RetainedStep durable_;
  std::vector<Noted> noted_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_DURABLE_HEAD_H_
