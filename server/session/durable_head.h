#ifndef MNEME_SERVER_SESSION_DURABLE_HEAD_H_
#define MNEME_SERVER_SESSION_DURABLE_HEAD_H_

#include <cstdint>
#include <memory>
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
// them, and the closer the newer. Those that it was before say so themselves
// (RetainedValue::held), so that nothing is left here, and no memory taken,
// once the head is known to be on disk.
//
// `retained` is the session's, whose last value is the head. `messages`: a
// value stays held until so many messages that applied a segment were answered
// after it was the durable one.
//
// Thread-compatible; the session's, under its lock.
class DurableHead {
 public:
  using Retained = std::vector<RetainedValue>;

  static constexpr size_t kMostNoted = 8;
  static constexpr size_t kMostEarlier = 64;
  // From so many `messages` on they are not counted: a value stays held until
  // kMostEarlier newer ones are.
  static constexpr uint32_t kUncounted = RetainedValue::kMostHeld;

  // What a server finds is on disk, the head too. Whoever was told of an older
  // value may not know.
  static void HoldFound(int64_t messages, Retained* retained);
  // `retained` was read from the store again, `before` is what it was.
  static void CarryHeld(const Retained& before, Retained* retained);

  // `head` is the head after `before`, and its commit was acknowledged, at
  // `now` at the latest (Clock::Monotonic, the store's clock).
  void Note(const RetainedStep& before, const RetainedStep& head,
            absl::Duration now);
  // The head is one that came before, and on disk.
  void RollBack(int64_t messages, Retained* retained);

  // The newest value known to be on disk, by what the store says now. REQUIRES:
  // nothing was noted since it said so.
  RetainedStep Newest(std::optional<absl::Duration> unsynced_since,
                      const RetainedStep& head) const;
  // The same, for the answer to a message: a client may resume from it now.
  RetainedStep Answer(std::optional<absl::Duration> unsynced_since,
                      int64_t messages, Retained* retained);
  // The same between two messages.
  RetainedStep MoveOn(std::optional<absl::Duration> unsynced_since,
                      int64_t messages, Retained* retained);
  // The head is known to be on disk.
  bool is_head() const { return pending_ == nullptr; }

  // The steps to retain besides those of the values that are `held`.
  std::vector<uint64_t> Needed(const RetainedStep& head) const;

 private:
  struct Noted {
    RetainedStep head;
    CompactDuration time;
  };
  struct Pending {
    RetainedStep durable;
    std::vector<Noted> noted;  // after it; steps and times ascend, never empty
    bool applied = true;       // something was noted since the last answer
  };

  // How many of those noted are on disk; they are the first.
  size_t OnDisk(std::optional<absl::Duration> unsynced_since) const;

  std::unique_ptr<Pending> pending_;  // null: the head is on disk
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_DURABLE_HEAD_H_
