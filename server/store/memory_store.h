#ifndef MNEME_SERVER_STORE_MEMORY_STORE_H_
#define MNEME_SERVER_STORE_MEMORY_STORE_H_

#include <array>
#include <compare>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/sha256.h"

namespace mneme {

// What an acknowledged commit survives (DESIGN: durability, by session).
enum class Durability : uint8_t {
  kMemory = 1,  // nothing; it lives in this process only
  kAsync = 2,   // a crash, less the store's async window
  kSync = 3,    // a crash: it is on disk before Apply returns
};

struct SessionKey {
  std::string tenant;
  std::string session_id;
  friend auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

// Names a family: a session that was opened, and all that were forked from it
// and from its forks. 128 random bits.
using Root = std::array<uint8_t, 16>;

// An immutable memory value. It belongs to a family of a tenant, and is there
// as long as one of the family's sessions holds it.
struct ValueKey {
  std::string tenant;
  Root root{};
  Digest digest{};  // its lineage digest
  friend auto operator<=>(const ValueKey&, const ValueKey&) = default;
};

// What is kept of the reply that told a session's step. It is the session's.
struct ReplyKey {
  SessionKey session;
  uint64_t step = 0;
  friend auto operator<=>(const ReplyKey&, const ReplyKey&) = default;
};

// The steps from `first` up to, not including, `end`.
struct StepRange {
  uint64_t first = 0;
  uint64_t end = 0;
  bool contains(uint64_t step) const { return first <= step && step < end; }
  friend bool operator==(const StepRange&, const StepRange&) = default;
};

// All that a store knows of a session. It says what the session holds, so the
// count of a value's holders can always be told from the records.
struct StoredRecord {
  SessionKey session;
  Root root{};
  Durability durability = Durability::kSync;
  Digest head{};
  std::vector<Digest> values;  // that it holds, each once
  StepRange replies;           // there is one of every step in it
  std::string bytes;           // the session layer's; the store only keeps them
  // How long ago it was written, and the session used, by the clock of a store
  // that servers share; only in what such a store gives.
  struct Ages {
    absl::Duration written;
    absl::Duration used;
  };
  std::optional<Ages> ages = std::nullopt;
};

// Bytes that the session layer may go on reading while they are written.
using SharedBytes = std::shared_ptr<const std::string>;

struct StoredValue {
  Digest digest{};
  SharedBytes bytes;  // not null
};
struct StoredReply {
  uint64_t step = 0;
  std::string bytes;
};

// One change of one session: all of it happens or none does. What the record
// before it held and `record` does not is let go.
struct Commit {
  // The head digest that the stored record must have; nullopt: there must be
  // no record. Otherwise the commit is refused with ABORTED (ALREADY_EXISTS
  // when there must be none).
  std::optional<Digest> expected_head;
  StoredRecord record;  // as it will be; its root never changes
  // Those of record.values that the session did not hold. If the family has one
  // already, that stays: the first value committed for a digest wins.
  std::vector<StoredValue> values;
  std::vector<StoredReply> replies;  // those of record.replies that are new
  // A fork: the new session is of the same family as `parent`, which holds all
  // of record.values; if it does not, the commit is ABORTED.
  std::optional<SessionKey> parent;
  // On disk before it is acknowledged, as if kSync, though the session is
  // kAsync. (A kMemory one's never is.)
  bool sync = false;
};

class SharedDirectory;

// Durable home of session records and of what they hold. Records, values and
// replies carry checksums; what fails one is DATA_LOSS, never a fresh start.
// Nothing is there that no record holds. Every implementation passes
// tests/server/store's conformance suite.
//
// Thread-safe. Calls block (on a lock, or on the disk), so the only callers
// are the store writer's threads and start-up, never a gRPC thread.
class MemoryStore {
 public:
  virtual ~MemoryStore() = default;

  // Applies the commits in order, as one write: with kSync (or Commit::sync)
  // among them the group costs one sync. One status each; a refused commit
  // changes nothing and does not stop the others. A failing disk is UNAVAILABLE
  // for every kAsync and kSync commit of the group: none is acknowledged, but a
  // restart may find them. A kMemory session's commits never reach the disk.
  // kAsync and kSync may follow each other in one session; kMemory and these
  // may not (FAILED_PRECONDITION).
  virtual std::vector<absl::Status> Apply(std::vector<Commit> commits) = 0;

  // NOT_FOUND, or DATA_LOSS when the bytes fail their checksum.
  virtual absl::StatusOr<std::string> GetValue(const ValueKey& key) const = 0;
  virtual absl::StatusOr<std::string> GetReply(const ReplyKey& key) const = 0;
  // GetValue of each, in one go where that is cheaper.
  using Values = std::vector<absl::StatusOr<std::string>>;
  virtual Values GetValues(const std::vector<ValueKey>& keys) const {
    Values values;
    for (const ValueKey& key : keys) values.push_back(GetValue(key));
    return values;
  }

  // The session's record as its next commit will find it, after one of which
  // nobody knows what became of it (UNAVAILABLE), or that found another
  // (ABORTED). Where servers share the store, the session is this one's from
  // then on, unless another server holds it: UNAVAILABLE (NOT_OWNER), and with
  // kAsk that one is asked to release it. Not while a commit of the session is
  // under way. NOT_FOUND, DATA_LOSS, UNAVAILABLE.
  struct Reloaded {
    StoredRecord record;
    // Another server may have had the session since this one's last commit.
    bool moved = false;
    // Another server had it last.
    bool from_another = false;
  };
  enum class IfHeld { kLeave, kAsk };
  struct ReloadRequest {
    SessionKey session;
    IfHeld if_held = IfHeld::kLeave;
  };
  virtual absl::StatusOr<Reloaded> Reload(const ReloadRequest& request) = 0;
  // Reload of each, in one go where that is cheaper.
  virtual std::vector<absl::StatusOr<Reloaded>> ReloadAll(
      const std::vector<ReloadRequest>& requests) {
    std::vector<absl::StatusOr<Reloaded>> all;
    for (const ReloadRequest& one : requests) all.push_back(Reload(one));
    return all;
  }

  // Removes the record, the session's replies, and every value that no other
  // session holds; durably for kSync sessions. `tombstone` is what is left
  // instead, until a session of that id is made, or it is removed; empty:
  // nothing. OK when there was no session.
  virtual absl::Status Remove(const SessionKey& session,
                              const std::string& tombstone) = 0;

  // What Remove left of the session, if anything; the session itself, if there
  // is one of that id again, stays.
  virtual absl::Status RemoveTombstone(const SessionKey& session) = 0;

  // To leave no trace: MarkErase, then Remove without a tombstone or
  // RemoveTombstone, then Scrub. If all are OK, nothing that was removed is in
  // a file of the store, nor what it replaced before. MarkErase notes durably
  // that a Scrub is due, so that the start after a crash makes up for it.
  virtual absl::Status MarkErase() { return absl::OkStatus(); }
  // Of any thread but the store writer's: it may take long, and commits and
  // reads go on meanwhile. Nothing to do, and OK, when none is due.
  virtual absl::Status Scrub() { return absl::OkStatus(); }

  // Every record, for start-up, in key order. A record that fails its checksum
  // is in `corrupt` instead, and stays in the store.
  struct Tombstone {
    SessionKey session;
    std::string bytes;
  };
  struct Records {
    std::vector<StoredRecord> records;
    std::vector<SessionKey> corrupt;
    std::vector<Tombstone> tombstones;  // those that are whole
  };
  virtual absl::StatusOr<Records> LoadRecords() const = 0;

  // Everything acknowledged so far, also kAsync, is on disk after this.
  virtual absl::Status Flush() = 0;

  // Whether kSync commits can be expected to work, found out by writing: OK, or
  // what they would get.
  virtual absl::Status Probe() { return Flush(); }
  // Some sessions' commits may get STORE_DOWN while others' work, as in a
  // cluster. Probe() is OK then if any work. Any thread may ask.
  virtual bool fails_in_parts() const { return false; }

  // When the oldest acknowledged commit that Flush would put on disk was
  // written (Clock::Monotonic); nullopt: there is none. What was acknowledged
  // before that is on disk. Any thread may ask, under its own locks too.
  virtual std::optional<absl::Duration> unsynced_since() const {
    return std::nullopt;
  }

  // ---- Of a store that several servers share ----

  // nullptr: this server has it alone. Any thread may ask.
  virtual SharedDirectory* directory() { return nullptr; }
  // How long after a Reload or a commit no other server gets the session, but
  // those that TakeReleased names. Any thread may ask.
  virtual absl::Duration lease() const { return absl::InfiniteDuration(); }
  // The sessions of which another server asked for, and got, since the last
  // call: the commit just made was this server's last one, until Reload.
  virtual std::vector<SessionKey> TakeReleased() { return {}; }
  // This server commits no more to the session, but after a Reload.
  virtual void Forget(const SessionKey& /*session*/) {}
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_MEMORY_STORE_H_
