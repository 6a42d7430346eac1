#ifndef MNEME_SERVER_STORE_MEMORY_STORE_H_
#define MNEME_SERVER_STORE_MEMORY_STORE_H_

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
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

// An immutable blob that belongs to a session: a memory value or a kept reply.
// `name` is the session layer's, e.g. "value/<hex digest>". While it is there,
// the same key is put with the same bytes.
struct ObjectKey {
  SessionKey session;
  std::string name;
  friend auto operator<=>(const ObjectKey&, const ObjectKey&) = default;
};

struct Object {
  ObjectKey key;
  std::string bytes;
};

// One change of one session: all of it happens or none does.
struct Commit {
  SessionKey session;
  // The head digest that the stored record must have; nullopt: there must be
  // no record. Otherwise the commit is refused with ABORTED (ALREADY_EXISTS
  // when there must be none).
  std::optional<Digest> expected_head;
  Digest head{};       // the new record's head digest
  std::string record;  // the session layer's encoding; the store only keeps it
  std::vector<Object> puts;
  std::vector<ObjectKey> deletes;
  Durability durability = Durability::kSync;
};

struct StoredRecord {
  SessionKey session;
  Digest head{};
  Durability durability = Durability::kSync;
  std::string record;
};

// Durable home of session records and of the immutable objects that they name.
// Records and objects carry checksums; what fails one is DATA_LOSS, never a
// fresh start. Every implementation passes tests/server/store's conformance
// suite.
//
// Thread-safe. Calls block (on a lock, or on the disk), so the only callers
// are the store writer's thread and start-up, never a gRPC thread.
class MemoryStore {
 public:
  virtual ~MemoryStore() = default;

  // Applies the commits in order, as one write: with kSync among them the
  // group costs one sync. One status each; a refused commit changes nothing
  // and does not stop the others. In a commit the deletes come before the puts.
  // A failing disk is UNAVAILABLE for every kAsync and kSync commit of the
  // group: none is acknowledged, but a restart may find them. A kMemory
  // session's commits never reach the disk. kAsync and kSync may follow each
  // other in one session; kMemory and these may not (FAILED_PRECONDITION).
  virtual std::vector<absl::Status> Apply(std::vector<Commit> commits) = 0;

  // NOT_FOUND, or DATA_LOSS when the bytes fail their checksum.
  virtual absl::StatusOr<std::string> GetObject(const ObjectKey& key) const = 0;

  // Removes the record and every object of the session, durably for kSync
  // sessions. OK when there was none.
  virtual absl::Status Remove(const SessionKey& session) = 0;

  // Every record, for start-up, in key order. A record that fails its checksum
  // is in `corrupt` instead, and stays in the store.
  struct Records {
    std::vector<StoredRecord> records;
    std::vector<SessionKey> corrupt;
  };
  virtual absl::StatusOr<Records> LoadRecords() const = 0;

  // Removes objects whose session has no record, and those that are not in
  // `named` (the keys that records name). Returns how many. A session whose
  // record is corrupt keeps its objects. For start-up, before any Apply.
  virtual absl::StatusOr<int64_t> CollectOrphans(
      const std::vector<ObjectKey>& named) = 0;

  // Everything acknowledged so far, also kAsync, is on disk after this.
  virtual absl::Status Flush() = 0;
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_MEMORY_STORE_H_
