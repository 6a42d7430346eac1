#ifndef MNEME_SERVER_SESSION_SESSION_CONTEXT_H_
#define MNEME_SERVER_SESSION_SESSION_CONTEXT_H_

#include <cstdint>
#include <string>

#include "server/base/clock.h"
#include "server/schedule/scheduler.h"
#include "server/session/memory_tiers.h"
#include "server/session/retention.h"
#include "server/session/session_observer.h"
#include "server/session/session_ttl.h"
#include "server/session/tombstones.h"
#include "server/store/store_writer.h"

namespace mneme {

class PrefixIndex;
class Takeover;

struct SessionLimits {
  // Each value that is kept costs memory_bytes in the store.
  RetentionLimits retention;
  // Results above this are not kept; a retry computes them again.
  int64_t kept_reply_bytes = 64 << 10;
  // Kept replies of one session together, in the store; above it only the
  // digest of a segment is kept.
  int64_t kept_session_bytes = 16 << 20;
  // Messages of one session waiting behind the one that runs.
  int64_t queue_per_session = 16;
  // Messages in the server, running ones included.
  int64_t queue_total = 16384;
  // What one tenant's can be of these; see WaitingRoom.
  double tenant_part = 0.5;
  int64_t sessions = 1'000'000;
  // Where there are so many, one that was not used for so long is ended to make
  // room for another; infinite: none is.
  absl::Duration evict_unused = absl::InfiniteDuration();
  // What a session has that is opened without TTLs.
  TtlPolicy ttl;
  // What is remembered of sessions that ended by themselves.
  TombstoneLimits tombstones;
  // Sessions that one List passes at most; it then gives the page so far.
  int64_t list_scan = 10'000;
  // How long a call waits for a session that another server has.
  absl::Duration takeover_wait = absl::Seconds(5);
  // Where servers share the store: a session that was not used for so long here
  // is let go; the store has it.
  absl::Duration keep_unused = absl::Minutes(1);
  // A session that was not used for so long is looked at, and lets go of what
  // it can do without.
  absl::Duration let_go_after = absl::Seconds(10);
  // Tokens in one message.
  int64_t tokens_per_request = 1 << 20;
  int64_t top_k = 1024;
};

// What all sessions share. Plain pointers: everything outlives the sessions.
struct SessionContext {
  Clock* clock = nullptr;
  Scheduler* scheduler = nullptr;
  StoreWriter* writer = nullptr;
  SessionObserver* observer = nullptr;
  MemoryTiers* tiers = nullptr;
  PrefixIndex* prefixes = nullptr;  // null: sessions share no steps
  // The manager's own.
  Takeover* takeover = nullptr;
  absl::Duration lease = absl::InfiniteDuration();  // see MemoryStore::lease
  SessionLimits limits;
  std::string tenant_key = std::string(32, '\0');  // of every tenant, so far
  // What exported files are signed with, so that imported ones can be trusted;
  // empty: neither.
  std::string export_key;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_CONTEXT_H_
