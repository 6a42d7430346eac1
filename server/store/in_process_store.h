#ifndef MNEME_SERVER_STORE_IN_PROCESS_STORE_H_
#define MNEME_SERVER_STORE_IN_PROCESS_STORE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/store/commit_check.h"
#include "server/store/memory_store.h"

namespace mneme {

// The reference implementation of MemoryStore: maps under one lock. It says
// what the others must do, and is the store of `--store memory:` and of kMemory
// sessions, whatever the store. Owns every record and object; nothing of it
// outlives the process, whatever the durability asked for.
//
// Invariant: an object exists only under a session that has a record. Checksums
// are kept and checked like those of a disk, so damaged memory is DATA_LOSS.
//
// Thread-safe. No call waits for anything but the lock. Called by the store
// writer's thread, and by RocksDbStore, which keeps its kMemory sessions here.
class InProcessStore : public MemoryStore {
 public:
  InProcessStore() = default;

  std::vector<absl::Status> Apply(std::vector<Commit> commits) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> GetObject(const ObjectKey& key) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Remove(const SessionKey& session) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Records> LoadRecords() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<int64_t> CollectOrphans(
      const std::vector<ObjectKey>& named) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Flush() override { return absl::OkStatus(); }

  // One commit, as Apply does it.
  absl::Status ApplyOne(Commit commit) ABSL_LOCKS_EXCLUDED(mu_);
  // nullopt: the session has no record here.
  std::optional<StoredHead> FindHead(const SessionKey& session) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // For tests of what corruption does: change stored bytes behind the
  // checksum's back. REQUIRES: the object, or record, exists and is not empty.
  void CorruptObjectForTest(const ObjectKey& key) ABSL_LOCKS_EXCLUDED(mu_);
  void CorruptRecordForTest(const SessionKey& session) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Checked {
    std::string bytes;
    uint64_t checksum = 0;
  };
  struct Session {
    StoredHead head;
    Checked record;
    std::map<std::string, Checked> objects;
  };

  absl::Status ApplyLocked(Commit commit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  std::map<SessionKey, Session> sessions_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_IN_PROCESS_STORE_H_
