#ifndef MNEME_SERVER_STORE_ROCKSDB_GROUP_H_
#define MNEME_SERVER_STORE_ROCKSDB_GROUP_H_

#include <rocksdb/write_batch.h>

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/commit_check.h"
#include "server/store/memory_store.h"
#include "server/store/rocksdb_database.h"

namespace mneme {

// One write in the making: the changes of several commits, and the heads that
// they leave, which later commits of the same group are checked against.
// Nothing is in the database before batch() is written. Used by one thread at a
// time; owned by RocksDbStore.
class RocksDbGroup {
 public:
  // `database` is not owned and outlives the group.
  explicit RocksDbGroup(const RocksDbDatabase* database)
      : database_(database) {}

  // The head as it will be after this group. DATA_LOSS: it is damaged.
  absl::StatusOr<std::optional<StoredHead>> FindHead(
      const SessionKey& session) const;

  // REQUIRES: the commit passed CheckCommit against FindHead.
  void Add(const Commit& commit);
  void RemoveObject(const SessionKey& session, absl::string_view name);
  // The record and the objects that it lists.
  void RemoveSession(const StoredSession& session);

  // Empty again; keeps its buffer for the next.
  void Clear();

  rocksdb::WriteBatch* batch() { return &batch_; }
  bool empty() const { return batch_.Count() == 0; }
  // Whether a kSync commit is in it.
  bool sync() const { return sync_; }

 private:
  void PutRecordEntry(const std::string& key, absl::string_view payload);
  void PutObject(absl::string_view prefix, const Object& object);
  void DeleteObject(absl::string_view prefix, absl::string_view name);

  const RocksDbDatabase* const database_;
  rocksdb::WriteBatch batch_;
  absl::flat_hash_map<std::string, StoredHead> heads_;  // by session prefix
  bool sync_ = false;
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_GROUP_H_
