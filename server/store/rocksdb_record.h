#ifndef MNEME_SERVER_STORE_ROCKSDB_RECORD_H_
#define MNEME_SERVER_STORE_ROCKSDB_RECORD_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_database.h"

namespace mneme {

// Reading the records of a RocksDB store. Used by RocksDbStore and its group.

// Calls `visit` for each record and tombstone whose key begins with `prefix`,
// in the order of the keys. DATA_LOSS: a key is not ours, or the files are
// damaged.
using VisitSessionEntry =
    absl::FunctionRef<void(const SessionEntryRef&, absl::string_view value)>;
absl::Status ForEachSessionEntry(const RocksDbDatabase& database,
                                 VisitSessionEntry visit,
                                 absl::string_view prefix = kFirstSession);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_RECORD_H_
