#ifndef MNEME_SERVER_STORE_ROCKSDB_SETTINGS_H_
#define MNEME_SERVER_STORE_ROCKSDB_SETTINGS_H_

#include <rocksdb/env.h>
#include <rocksdb/options.h>

#include <cstdint>

namespace mneme {

// How the store uses RocksDB. Thread-safe: pure functions.

// `env` is not owned; nullptr is RocksDB's own. With `to_last_good` a damaged
// log is replayed up to the damage; without, only an unfinished write at its
// end is forgiven, and any other damage refuses to open (Corruption).
rocksdb::DBOptions DatabaseSettings(rocksdb::Env* env,
                                    int64_t write_buffer_bytes,
                                    bool to_last_good);

// Records, heads and names: small entries, read by point look-up.
rocksdb::ColumnFamilyOptions RecordFamilySettings(int64_t write_buffer_bytes);

// Objects: values of kilobytes that live for a few steps, kept in blob files,
// so that compaction does not copy them again and again.
rocksdb::ColumnFamilyOptions ObjectFamilySettings(int64_t write_buffer_bytes);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_ROCKSDB_SETTINGS_H_
