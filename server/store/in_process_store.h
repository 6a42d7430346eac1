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
#include "server/store/memory_store.h"

namespace mneme {

// The reference implementation of MemoryStore: maps under one lock. It says
// what the others must do, and is the store of `--store memory:` and of kMemory
// sessions, whatever the store. Owns every record, value and reply; nothing of
// it outlives the process, whatever the durability asked for.
//
// Invariant: each value counts the records that hold it, and is gone with the
// last. Checksums are kept and checked like those of a disk, so damaged memory
// is DATA_LOSS.
//
// Thread-safe. No call waits for anything but the lock. Called by the store
// writer's thread, and by RocksDbStore, which keeps its kMemory sessions here.
class InProcessStore : public MemoryStore {
 public:
  InProcessStore() = default;

  std::vector<absl::Status> Apply(std::vector<Commit> commits) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> GetValue(const ValueKey& key) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::string> GetReply(const ReplyKey& key) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Reloaded> Reload(const ReloadRequest& request) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Remove(const SessionKey& session,
                      const std::string& tombstone) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status RemoveTombstone(const SessionKey& session) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Records> LoadRecords() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Flush() override { return absl::OkStatus(); }

  // One commit, as Apply does it.
  absl::Status ApplyOne(Commit commit) ABSL_LOCKS_EXCLUDED(mu_);
  // nullopt: the session has no record here.
  std::optional<StoredRecord> Find(const SessionKey& session) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // For tests of what corruption does: change stored bytes behind the
  // checksum's back. REQUIRES: it exists and is not empty.
  void CorruptValueForTest(const ValueKey& key) ABSL_LOCKS_EXCLUDED(mu_);
  void CorruptReplyForTest(const ReplyKey& key) ABSL_LOCKS_EXCLUDED(mu_);
  void CorruptRecordForTest(const SessionKey& session) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Checked {
    std::string bytes;
    uint64_t checksum = 0;
  };
  struct Value {
    Checked checked;
    int64_t holders = 0;
  };
  struct Session {
    StoredRecord record;
    uint64_t checksum = 0;
    std::map<uint64_t, Checked> replies;
  };

  absl::Status ApplyLocked(Commit commit) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes the session from what its record holds to what `commit` says.
  void Change(Session* session, Commit commit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::optional<StoredRecord> FindLocked(const SessionKey& session) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Drop(const ValueKey& key) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  std::map<SessionKey, Session> sessions_ ABSL_GUARDED_BY(mu_);
  std::map<ValueKey, Value> values_ ABSL_GUARDED_BY(mu_);
  std::map<SessionKey, std::string> tombstones_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_IN_PROCESS_STORE_H_
