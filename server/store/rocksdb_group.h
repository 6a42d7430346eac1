#ifndef MNEME_SERVER_STORE_ROCKSDB_GROUP_H_
#define MNEME_SERVER_STORE_ROCKSDB_GROUP_H_

#include <rocksdb/write_batch.h>

#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/store/memory_store.h"
#include "server/store/rocksdb_database.h"
#include "server/store/shared_values.h"

namespace mneme {

// One write in the making: the changes of several commits, and the records that
// they leave, which later commits of the same group are checked against.
// Nothing is in the database before Write(). Used by one thread at a time;
// owned by RocksDbStore.
class RocksDbGroup {
 public:
  // `database` is not owned and outlives the group.
  explicit RocksDbGroup(RocksDbDatabase* database) : database_(database) {}

  // Reads who shares what. Called once, first. DATA_LOSS: the store holds a key
  // that is not ours.
  absl::Status Load();

  // The session's record as it will be after this group, without the session
  // layer's bytes; of this family, which is faster, or of whatever family it
  // is. DATA_LOSS: it is damaged.
  absl::StatusOr<std::optional<StoredRecord>> Find(const SessionKey& session,
                                                   const Root& root) const;
  absl::StatusOr<std::optional<StoredRecord>> Find(
      const SessionKey& session) const;

  // REQUIRES: the commit passed CheckCommit against these.
  void Add(const Commit& commit, const std::optional<StoredRecord>& stored,
           const std::optional<StoredRecord>& parent);
  // Takes the session out, a damaged one too, and leaves the tombstone, if it
  // is not empty.
  absl::Status Remove(const SessionKey& session, const std::string& tombstone);
  absl::Status RemoveTombstone(const SessionKey& session);
  // Says in the store that a scrub is due, or that none is.
  void SetScrubDue(bool due);

  // Writes what there is, and is empty again, whatever comes of it.
  absl::Status Write(bool sync);

  bool empty() const { return batch_.Count() == 0; }
  // Whether a kSync commit is in it.
  bool sync() const { return sync_; }

 private:
  using Family = RocksDbDatabase::Family;

  void AddValues(const Commit& commit,
                 const std::optional<StoredRecord>& stored);
  void AddReplies(const Commit& commit,
                  const std::optional<StoredRecord>& stored);
  void DropValue(const FamilyKey& family, const Digest& value);
  // What a session has beside its record, which is whole, or is not: then every
  // value of the family goes that no other session is known to hold.
  void DropHeld(const StoredRecord& record);
  void DropDamaged(const SessionKey& session, const Root& root);
  void Put(Family family, const std::string& key, absl::string_view payload);
  void Delete(Family family, const std::string& key);
  // Of objects: from this key up to, not including, that.
  void DeleteRange(const std::string& from, const std::string& end);

  RocksDbDatabase* const database_;
  SharedValues shared_;
  rocksdb::WriteBatch batch_;
  // What this group makes of records, by SessionPrefix, without their bytes;
  // nullopt: removed.
  absl::flat_hash_map<std::string, std::optional<StoredRecord>> changed_;
  bool sync_ = false;
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_GROUP_H_
