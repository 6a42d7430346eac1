#ifndef MNEME_SERVER_STORE_ROCKSDB_STORE_H_
#define MNEME_SERVER_STORE_ROCKSDB_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/in_process_store.h"
#include "server/store/memory_store.h"

namespace rocksdb {
class Env;
}  // namespace rocksdb

namespace mneme {

class RocksDbDatabase;
class RocksDbGroup;
class WalSyncer;

// The embedded durable store: one RocksDB database in one folder, held by one
// process. Owns the database; kMemory sessions live in an InProcessStore inside
// and never reach it.
//
// Column family "default": for each session its record or its tombstone, and
// the key "\0mneme-format" with the format version. Column family "objects":
// values and kept replies, in blob files when large. entry_format.h has keys,
// framing and checksums; SharedValues counts who holds a value. A group of
// commits is one WriteBatch over both families, hence in the log whole or not
// at all; it is synced when a kSync commit is in it. A kAsync group is in the
// operating system's hands at once (it survives a kill of the process), and on
// disk async_window later at the latest.
//
// After a failed write reads go on. Writes are UNAVAILABLE for resume_interval;
// the next one asks RocksDB to resume, and so on until that works. A full disk
// RocksDB watches itself (it looks every five seconds). What it calls fatal, an
// EIO on its log, needs a restart.
//
// Thread-safe. Apply and Remove wait for each other (the compare-and-set needs
// it); reads wait for nobody. Called by the store
// writer's thread, and by start-up.
class RocksDbStore : public MemoryStore {
 public:
  struct Options {
    // What a crash of the machine can take of kAsync commits. Less means more
    // syncs.
    absl::Duration async_window = absl::Milliseconds(100);
    // Least time between two attempts to write again after a failure.
    absl::Duration resume_interval = absl::Seconds(1);
    // Memory for objects that are in the log and not yet in files. More means
    // less writing twice, a longer log, and a longer start.
    int64_t write_buffer_bytes = int64_t{64} << 20;
    // Open in spite of a damaged log, with what was written before the damage:
    // sessions may go back, or be gone. For an operator's decision.
    bool recover_to_last_good = false;
    rocksdb::Env* env = nullptr;  // not owned; for tests; nullptr: the real one
    Clock* clock = Clock::Real();  // not owned; outlives the store
  };

  // Opens the database in the folder `path`, made where there is none (its
  // parent must exist). FAILED_PRECONDITION: another process holds it, or it
  // is not ours, or of a newer format; DATA_LOSS: it is damaged; UNAVAILABLE:
  // the disk fails; INVALID_ARGUMENT: an option, by name.
  static absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(
      const std::string& path, const Options& options);
  static absl::StatusOr<std::unique_ptr<RocksDbStore>> Open(
      const std::string& path) {
    return Open(path, Options{});
  }

  // Syncs what is left, and closes.
  ~RocksDbStore() override;

  std::vector<absl::Status> Apply(std::vector<Commit> commits) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::StatusOr<std::string> GetValue(const ValueKey& key) const override;
  absl::StatusOr<std::string> GetReply(const ReplyKey& key) const override;
  Values GetValues(const std::vector<ValueKey>& keys) const override;
  absl::StatusOr<Reloaded> Reload(const ReloadRequest& request) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::Status Remove(const SessionKey& session,
                      const std::string& tombstone) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::Status RemoveTombstone(const SessionKey& session) override
      ABSL_LOCKS_EXCLUDED(write_mu_);
  absl::Status MarkErase() override ABSL_LOCKS_EXCLUDED(write_mu_);
  // Rewrites the whole database: large objects share files, so the bytes of one
  // go only when all others of its file have moved. Does not hold up commits,
  // until RocksDB itself lacks the disk's time.
  absl::Status Scrub() override ABSL_LOCKS_EXCLUDED(write_mu_, scrub_mu_);
  absl::StatusOr<Records> LoadRecords() const override;
  absl::Status Flush() override;
  absl::Status Probe() override ABSL_LOCKS_EXCLUDED(write_mu_);
  std::optional<absl::Duration> unsynced_since() const override;

 private:
  RocksDbStore(std::unique_ptr<RocksDbDatabase> database,
               const Options& options);

  absl::Status ApplyInMemory(Commit commit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::Status AddToGroup(const Commit& commit)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  // The session's record, wherever it is.
  absl::StatusOr<std::optional<StoredRecord>> Find(
      const SessionKey& session) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  template <typename Key>
  absl::StatusOr<std::string> Get(const Key& key) const;
  // Whether an erase before this process, cut short, left a scrub to do.
  absl::StatusOr<bool> ScrubWasDue() const;
  absl::Status WriteGroup(bool sync) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);

  const std::unique_ptr<RocksDbDatabase> database_;
  InProcessStore memory_;

  Mutex scrub_mu_;  // held while files are rewritten; taken before write_mu_
  Mutex write_mu_;  // held from a compare of heads to its set
  // The write in the making; empty between calls.
  const std::unique_ptr<RocksDbGroup> group_ ABSL_PT_GUARDED_BY(write_mu_);
  int64_t marked_erases_ ABSL_GUARDED_BY(write_mu_) = 0;
  int64_t scrubbed_erases_ ABSL_GUARDED_BY(write_mu_) = 0;  // of these

  const std::unique_ptr<WalSyncer> syncer_;  // last: uses the database
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_STORE_H_
