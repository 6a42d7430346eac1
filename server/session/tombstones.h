#ifndef MNEME_SERVER_SESSION_TOMBSTONES_H_
#define MNEME_SERVER_SESSION_TOMBSTONES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/mutex.h"
#include "server/session/end_reason.h"
#include "server/session/handle.h"
#include "server/store/memory_store.h"

namespace mneme {

// What is remembered of a session that is gone. A plain value.
// Invariant: last.session_id is key.session_id.
struct Tombstone {
  SessionKey key;
  MemoryHandle last;  // the head at the end; its memory is gone too
  EndReason reason = EndReason::kClosed;
  absl::Time at;  // wall time of the end
  friend bool operator==(const Tombstone&, const Tombstone&) = default;
};

// CBOR (RFC 8949) with a format version; `at` in whole microseconds. Decode:
// DATA_LOSS for bytes that are no tombstone, FAILED_PRECONDITION for a newer
// format version.
std::string EncodeTombstone(const Tombstone& tombstone);
absl::StatusOr<Tombstone> DecodeTombstone(absl::string_view bytes);

// What a call for that session is answered: FAILED_PRECONDITION
// SESSION_EXPIRED, whatever the reason; the ErrorInfo's metadata has `last`,
// the handle, and `reason`, its name (end_reason.h).
absl::Status GoneError(const Tombstone& tombstone);

struct TombstoneLimits {
  absl::Duration keep = absl::Hours(24);  // since the end, on the wall clock
  // Each takes 272 bytes here with ids of 32 characters (260 MiB in all).
  int64_t count = 1'000'000;
};

// The tombstones of a server by key, at most one a session and at most
// `limits.count`: above that the oldest (by `at`) go first, so that a
// session is then unknown rather than gone. Only the memory of them: what
// Add and Prune say is gone, the caller removes from the store.
//
// A wall clock that jumps forward makes tombstones go early, one that goes back
// keeps them longer: no session lives or dies by it. Thread-safe; no call waits
// for anything but the lock.
class Tombstones {
 public:
  explicit Tombstones(const TombstoneLimits& limits) : limits_(limits) {}

  // Replaces the session's, if there is one. The key whose tombstone had to go
  // for it (the added one itself, if it is the oldest); nullopt: there was
  // room.
  std::optional<SessionKey> Add(const Tombstone& tombstone)
      ABSL_LOCKS_EXCLUDED(mu_);

  // One that is past the keep time is found until it is pruned.
  std::optional<Tombstone> Find(const SessionKey& key) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // The id is in use again, or every trace of it has to go. False: there was
  // none.
  bool Erase(const SessionKey& key) ABSL_LOCKS_EXCLUDED(mu_);

  // Drops those that have been kept for the keep time at `now` (wall time), and
  // gives their keys, the oldest first. The lock is free between two of them.
  std::vector<SessionKey> Prune(absl::Time now) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Order = std::multimap<absl::Time, const SessionKey*>;
  struct Entry {  // a Tombstone beside its key
    uint64_t step = 0;
    Digest digest{};
    EndReason reason = EndReason::kClosed;
    Order::iterator place;
  };

  SessionKey TakeOldest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const TombstoneLimits limits_;

  mutable Mutex mu_;
  std::map<SessionKey, Entry> entries_ ABSL_GUARDED_BY(mu_);
  Order order_ ABSL_GUARDED_BY(mu_);  // points to the keys in entries_
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_TOMBSTONES_H_
