#ifndef MNEME_SERVER_STORE_ROCKSDB_STATUS_H_
#define MNEME_SERVER_STORE_ROCKSDB_STATUS_H_

#include <rocksdb/status.h>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mneme {

// RocksDB's status as ours; `doing` says what failed, with the path. Corruption
// is DATA_LOSS, absence NOT_FOUND; what RocksDB calls invalid or unsupported is
// FAILED_PRECONDITION; everything else (IO error, no space, busy) UNAVAILABLE
// with reason STORE_DOWN and a time to retry after. Thread-safe.
absl::Status FromRocksDb(const rocksdb::Status& status,
                         absl::string_view doing);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_STATUS_H_
