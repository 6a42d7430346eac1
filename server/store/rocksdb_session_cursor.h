#ifndef MNEME_SERVER_STORE_ROCKSDB_SESSION_CURSOR_H_
#define MNEME_SERVER_STORE_ROCKSDB_SESSION_CURSOR_H_

#include <rocksdb/iterator.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/commit_check.h"
#include "server/store/memory_store.h"

namespace mneme {

// What the record family holds of one session.
struct StoredSession {
  SessionKey session;
  // Both nullopt: objects are left of a session that has no record. An error
  // (DATA_LOSS) where there is one and it is damaged.
  std::optional<absl::StatusOr<StoredHead>> head;
  std::optional<absl::StatusOr<std::string>> record;
  std::vector<std::string> object_names;

  bool has_record() const { return head.has_value() || record.has_value(); }
  // The whole record, or DATA_LOSS. REQUIRES: has_record().
  absl::StatusOr<StoredRecord> ToRecord() const;
};

// Reads the record family session by session, without touching the objects.
// Owns its iterator, hence sees the store as it was when that was made. Used by
// one thread. Made by RocksDbStore for start-up and for Remove.
class RocksDbSessionCursor {
 public:
  explicit RocksDbSessionCursor(std::unique_ptr<rocksdb::Iterator> it)
      : it_(std::move(it)) {}

  // Goes to the first session at or after the key. REQUIRES: called first.
  void Seek(absl::string_view key);
  // The session here, and on to the next; nullopt after the last. DATA_LOSS:
  // the store's files are damaged, or hold a key that is not ours.
  absl::StatusOr<std::optional<StoredSession>> Next();

 private:
  std::unique_ptr<rocksdb::Iterator> it_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_SESSION_CURSOR_H_
