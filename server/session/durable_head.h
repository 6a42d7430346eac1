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
// It also says what the session must retain for it: the durable value, those
// that may be it next, and those that it was before, as long as a client may
// know of no newer one. All of these are few, however fast steps come: of the
// heads that are not on disk some are noted, the oldest and the newest among
// them, and the closer the newer.
//
// Thread-compatible; the session's, under its lock.
class DurableHead {
 public:
  static constexpr size_t kMostNoted = 8;
  static constexpr size_t kMostEarlier = 64;

  // All of `retained` is on disk, the last is the head. A value stays held
  // until `messages` messages that applied a segment were answered after it was
  // the durable one.
  DurableHead(const std::vector<RetainedStep>& retained, int64_t messages);

  // `head` is the head, and its commit was acknowledged, at `now` at the latest
  // (Clock::Monotonic, the store's clock).
  void Note(const RetainedStep& head, absl::Duration now);
  // `head`, which came before, is the head again, and that is on disk.
  void RollBack(const RetainedStep& head);

  // The newest value known to be on disk, by what the store says now. REQUIRES:
  // nothing was noted since it said so.
  RetainedStep Newest(std::optional<absl::Duration> unsynced_since) const;
  // The same, for the answer to a message: a client may resume from it now.
  RetainedStep Answer(std::optional<absl::Duration> unsynced_since);

  // The steps to retain.
  std::vector<uint64_t> Held() const;

 private:
  struct Noted {
    RetainedStep head;
    absl::Duration time;
  };
  struct Earlier {
    uint64_t step = 0;
    int64_t until = 0;  // of messages_
  };

  // How many of noted_ are on disk; they are the first.
  size_t OnDisk(std::optional<absl::Duration> unsynced_since) const;
  void Hold(uint64_t step);

  const int64_t keep_;
  RetainedStep durable_;
  std::vector<Noted> noted_;      // after durable_; steps and times ascend
  std::vector<Earlier> earlier_;  // oldest first
  int64_t messages_ = 0;          // answered that applied a segment
  bool applied_ = false;          // something was noted since the last answer
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_DURABLE_HEAD_H_
