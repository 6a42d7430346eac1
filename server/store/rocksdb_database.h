#ifndef MNEME_SERVER_STORE_ROCKSDB_DATABASE_H_
#define MNEME_SERVER_STORE_ROCKSDB_DATABASE_H_

#include <rocksdb/db.h>
#include <rocksdb/iterator.h>
#include <rocksdb/write_batch.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace mneme {

// An open RocksDB database of our format. Owns the handle and the two column
// families, and with them the lock on the folder. Every RocksDB status becomes
// one of ours here, naming the path.
//
// After a failed write or sync, RocksDB's log is not touched before a Resume()
// that worked (it would refuse, or, built with assertions as Debian's is, end
// the process): writes and syncs are UNAVAILABLE for resume_interval, the next
// one resumes, and so on. For the same reason a write and a sync never overlap.
//
// Thread-safe; reads wait for nobody. Owned by RocksDbStore, which has the
// meaning of what is in it.
class RocksDbDatabase {
 public:
  enum class Family { kRecords, kObjects };

  // As in RocksDbStore::Options.
  struct Options {
    rocksdb::Env* env = nullptr;
    int64_t write_buffer_bytes = 0;
    bool recover_to_last_good = false;
    absl::Duration resume_interval;
    Clock* clock = nullptr;
  };

  // See RocksDbStore::Open.
  static absl::StatusOr<std::unique_ptr<RocksDbDatabase>> Open(
      const std::string& path, const Options& options);
  ~RocksDbDatabase();

  RocksDbDatabase(const RocksDbDatabase&) = delete;
  RocksDbDatabase& operator=(const RocksDbDatabase&) = delete;

  // The stored value, in `buffer`; NOT_FOUND.
  absl::StatusOr<absl::string_view> Get(Family family, absl::string_view key,
                                        rocksdb::PinnableSlice* buffer) const;
  // The same of each; they lie in `buffers`, of which there are as many.
  std::vector<absl::StatusOr<absl::string_view>> GetAll(
      Family family, const std::vector<std::string>& keys,
      std::vector<rocksdb::PinnableSlice>* buffers) const;
  absl::Status Write(rocksdb::WriteBatch* batch, bool sync)
      ABSL_LOCKS_EXCLUDED(log_mu_);
  // Everything written so far is on disk after this.
  absl::Status Sync() ABSL_LOCKS_EXCLUDED(log_mu_);
  // A synced write that changes nothing: the format's version, as it is.
  absl::Status WriteFormat() ABSL_LOCKS_EXCLUDED(log_mu_);

  // Rewrites all files, so that they hold what is in the database now or comes
  // later, and nothing that was overwritten or deleted before the call; those
  // from before are gone once DropOldFiles is OK. Reads and writes go on. One
  // thread at a time.
  absl::Status Rewrite() ABSL_LOCKS_EXCLUDED(log_mu_);
  // The last step of it, after one write more to kRecords.
  absl::Status DropOldFiles() ABSL_LOCKS_EXCLUDED(log_mu_);

  // Sees the family as it is now; keeps nothing that it reads in the cache.
  // It ends before the key `end`, which outlives it, if there is one.
  std::unique_ptr<rocksdb::Iterator> NewIterator(
      Family family, const rocksdb::Slice* end = nullptr) const;
  rocksdb::ColumnFamilyHandle* handle(Family family) const {
    return family == Family::kRecords ? records_ : objects_;
  }

 private:
  RocksDbDatabase(std::string path, const Options& options, rocksdb::DB* db,
                  const std::vector<rocksdb::ColumnFamilyHandle*>& families);

  absl::Status CheckFormat();
  absl::Status Compact(Family family) ABSL_LOCKS_EXCLUDED(log_mu_);
  absl::Status ResumeIfFailed() ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_mu_);
  // Converts, and takes note of a failure.
  absl::Status Logged(const rocksdb::Status& status, absl::string_view doing)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(log_mu_);
  // The same, of what happened outside the lock.
  absl::Status Noted(const rocksdb::Status& status, absl::string_view doing)
      ABSL_LOCKS_EXCLUDED(log_mu_);
  absl::Status Convert(const rocksdb::Status& status,
                       absl::string_view doing) const;

  const std::string path_;
  const Options options_;
  const std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle* const records_;  // destroyed before db_
  rocksdb::ColumnFamilyHandle* const objects_;

  Mutex log_mu_;  // held while the log is written or synced
  // Set after a failure, until a Resume works: when to try that.
  std::optional<absl::Duration> resume_at_ ABSL_GUARDED_BY(log_mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_DATABASE_H_
