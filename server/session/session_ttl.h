#ifndef MNEME_SERVER_SESSION_SESSION_TTL_H_
#define MNEME_SERVER_SESSION_SESSION_TTL_H_

#include <cstdint>
#include <optional>

#include "absl/time/time.h"
#include "server/base/compact_time.h"
#include "server/session/end_reason.h"

namespace mneme {

// When a session ends by itself: plain values and pure functions.
//
// In process the monotonic clock decides alone, so no step of the wall clock
// expires or saves a live session. Over a restart only the wall clock goes on:
// the record keeps what was left when it was written and the wall time of that,
// and the time since then counts, down time included, but never as less than
// zero. So a wall clock that went back only loses the time since the write: no
// session gets more than was left then. A wall clock that jumped forward
// between the write and the recovery cannot be told from down time, and may
// expire sessions when the server starts. A use that wrote no record (tokens
// that filled no segment) is forgotten with the process.
//
// Any duration may be infinite, and sums saturate: what cannot be counted is
// never (or long ago).

struct TtlPolicy {
  absl::Duration idle = absl::InfiniteDuration();     // since the last use
  absl::Duration max_age = absl::InfiniteDuration();  // since it was opened
  friend bool operator==(const TtlPolicy&, const TtlPolicy&) = default;
};

// A session's instants on Clock::Monotonic() of this process. After a recovery
// they may lie before the process started, and even be negative.
struct SessionLife {
  absl::Duration created;
  absl::Duration last_used;
};

// Both as every session has them, at half the size.
struct CompactTtl {
  CompactTtl() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for a TtlPolicy.
  CompactTtl(const TtlPolicy& policy)
      : idle(policy.idle), max_age(policy.max_age) {}
  // NOLINTNEXTLINE(google-explicit-constructor): the same.
  operator TtlPolicy() const { return {idle, max_age}; }

  CompactMicros idle = absl::InfiniteDuration();
  CompactMicros max_age = absl::InfiniteDuration();
};
struct CompactLife {
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for a SessionLife.
  CompactLife(const SessionLife& life)
      : created(life.created), last_used(life.last_used) {}
  // NOLINTNEXTLINE(google-explicit-constructor): the same.
  operator SessionLife() const { return {created, last_used}; }

  CompactDuration created;
  CompactDuration last_used;
};

// The instant at which the session ends unless it is used before, and why. If
// both TTLs end then, kMaxAge: no use would have helped.
struct LifeEnd {
  absl::Duration at = absl::InfiniteDuration();
  EndReason reason = EndReason::kIdleTtl;
};
LifeEnd EndOfLife(const TtlPolicy& policy, const SessionLife& life);

// Why the session has ended by `now`; nullopt: it lives. It ends at the instant
// itself. If both TTLs have passed, the reason is the one that was first.
std::optional<EndReason> ExpiredBy(const TtlPolicy& policy,
                                   const SessionLife& life, absl::Duration now);

// What a record keeps of it.
struct StoredTtl {
  TtlPolicy policy;
  // Of policy.max_age when the record was written; <= 0: it had passed.
  absl::Duration max_age_left = absl::InfiniteDuration();
  // The wall time of that write, which is the last use.
  absl::Time written;
};

// For a record that is written `now` (Clock::Monotonic), at `wall`. REQUIRES:
// the write is a use of the session, so that its idle TTL starts anew.
StoredTtl StoreTtl(const TtlPolicy& policy, const SessionLife& life,
                   absl::Duration now, absl::Time wall);

// The instants of a session that is recovered `now`, at `wall`. It may have
// ended: ask ExpiredBy.
SessionLife RecoverLife(const StoredTtl& stored, absl::Duration now,
                        absl::Time wall);

// A TTL as records keep it: microseconds, rounded towards zero; the ends of
// int64 are the infinite ones.
int64_t TtlToMicros(absl::Duration ttl);
absl::Duration TtlFromMicros(int64_t micros);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_TTL_H_
