#ifndef MNEME_TESTS_TESTING_UNSYNCED_LOSS_FILE_SYSTEM_H_
#define MNEME_TESTS_TESTING_UNSYNCED_LOSS_FILE_SYSTEM_H_

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace mneme {

// A file system for RocksDB on which a machine can lose its power. It promises:
// after PowerOff() every write fails, and RestorePower() leaves of every file
// exactly what it had at its last sync, and of every new file nothing unless
// its folder was synced since. A rename counts as a sync of its folder: RocksDB
// does that after each, and a journal keeps it after what the folder got
// before. Sits on the real file system, which it never syncs (that is only
// modelled). Thread-safe.
class UnsyncedLossFileSystem : public rocksdb::FileSystemWrapper {
 public:
  UnsyncedLossFileSystem();
  const char* Name() const override { return "UnsyncedLossFileSystem"; }

  void PowerOff() ABSL_LOCKS_EXCLUDED(mu_);
  // The same, in the middle of things: after so many more writes and syncs.
  void PowerOffAfter(int64_t operations) ABSL_LOCKS_EXCLUDED(mu_);
  // Drops what was not synced, and lets writes through again. REQUIRES: after
  // PowerOff(), with every file closed.
  void RestorePower() ABSL_LOCKS_EXCLUDED(mu_);
  // A disk that lies: syncs say OK and sync nothing.
  void IgnoreSyncs(bool ignore) ABSL_LOCKS_EXCLUDED(mu_);
  // Writes and syncs fail with this; OK: they work again.
  void FailWrites(rocksdb::IOStatus status) ABSL_LOCKS_EXCLUDED(mu_);
  int64_t syncs() const ABSL_LOCKS_EXCLUDED(mu_);

  rocksdb::IOStatus NewWritableFile(
      const std::string& name, const rocksdb::FileOptions& options,
      std::unique_ptr<rocksdb::FSWritableFile>* file,
      rocksdb::IODebugContext* debug) override ABSL_LOCKS_EXCLUDED(mu_);
  rocksdb::IOStatus NewDirectory(
      const std::string& name, const rocksdb::IOOptions& options,
      std::unique_ptr<rocksdb::FSDirectory>* directory,
      rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus RenameFile(const std::string& from, const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override
      ABSL_LOCKS_EXCLUDED(mu_);
  rocksdb::IOStatus DeleteFile(const std::string& name,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  class File;
  class Directory;

  struct Extent {
    uint64_t written = 0;
    uint64_t synced = 0;
  };

  // The error that a write or sync must give now; OK: none.
  rocksdb::IOStatus WriteError() ABSL_LOCKS_EXCLUDED(mu_);
  void Wrote(const std::string& name, uint64_t end) ABSL_LOCKS_EXCLUDED(mu_);
  void Truncated(const std::string& name, uint64_t size)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Synced(const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);
  void SyncedDirectory(const std::string& name) ABSL_LOCKS_EXCLUDED(mu_);
  void MakeDurable(const std::string& folder)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  mutable Mutex mu_;
  std::map<std::string, Extent> files_ ABSL_GUARDED_BY(mu_);
  std::set<std::string> new_files_ ABSL_GUARDED_BY(mu_);  // folder not synced
  rocksdb::IOStatus failure_ ABSL_GUARDED_BY(mu_);
  int64_t syncs_ ABSL_GUARDED_BY(mu_) = 0;
  bool ignore_syncs_ ABSL_GUARDED_BY(mu_) = false;
  // Writes and syncs until the power goes off; -1: it stays.
  int64_t operations_left_ ABSL_GUARDED_BY(mu_) = -1;
};

// An Env on `files` in which RocksDB's pauses before it tries a failed flush
// again (a second each) take no time.
std::unique_ptr<rocksdb::Env> MakePauselessEnv(
    const std::shared_ptr<rocksdb::FileSystem>& files);

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_UNSYNCED_LOSS_FILE_SYSTEM_H_
