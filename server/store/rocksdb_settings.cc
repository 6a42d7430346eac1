#include "server/store/rocksdb_settings.h"

#include <rocksdb/filter_policy.h>
#include <rocksdb/listener.h>
#include <rocksdb/table.h>

#include <cstdint>
#include <memory>

namespace mneme {
namespace {

constexpr uint64_t kMiB = uint64_t{1} << 20;
constexpr double kBloomBitsPerKey = 10;

// After a full disk RocksDB would look every five seconds whether there is room
// for all that it may have to write, and refuse a Resume() meanwhile. The store
// calls that itself, and what then does not fit fails again.
class NoOwnRecovery : public rocksdb::EventListener {
 public:
  void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason /*reason*/,
                            rocksdb::Status /*error*/,
                            bool* auto_recovery) override {
    *auto_recovery = false;
  }
};

rocksdb::ColumnFamilyOptions WithBloomFilter() {
  rocksdb::BlockBasedTableOptions table;
  table.filter_policy.reset(rocksdb::NewBloomFilterPolicy(kBloomBitsPerKey));
  // Keys begin with long names that their neighbours share: the fewer are
  // written in full, the smaller the files. To pass some more of them takes
  // less than a microsecond, beside reading the block.
  table.block_size = 16 << 10;
  table.block_restart_interval = 64;
  table.index_block_restart_interval = 16;
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  options.compression = rocksdb::kNoCompression;
  return options;
}

}  // namespace

rocksdb::DBOptions DatabaseSettings(rocksdb::Env* env,
                                    int64_t write_buffer_bytes,
                                    bool to_last_good) {
  rocksdb::DBOptions options;
  if (env != nullptr) options.env = env;
  options.create_if_missing = true;
  options.create_missing_column_families = true;
  options.wal_recovery_mode =
      to_last_good ? rocksdb::WALRecoveryMode::kPointInTimeRecovery
                   : rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.track_and_verify_wals_in_manifest = !to_last_good;
  options.max_total_wal_size = 4 * static_cast<uint64_t>(write_buffer_bytes);
  options.max_bgerror_resume_count = 0;
  options.listeners.push_back(std::make_shared<NoOwnRecovery>());
  options.max_open_files = 1024;
  options.bytes_per_sync = kMiB;
  options.keep_log_file_num = 4;
  options.max_log_file_size = 8 * kMiB;
  // Of an erased session nothing may stay: RocksDB would tell keys in its text
  // log, and the manifest has the first and last key of every file that there
  // was, so each change starts a new one.
  options.info_log_level = rocksdb::WARN_LEVEL;
  options.max_manifest_file_size = 1;
  return options;
}

rocksdb::ColumnFamilyOptions RecordFamilySettings(int64_t write_buffer_bytes) {
  rocksdb::ColumnFamilyOptions options = WithBloomFilter();
  options.write_buffer_size = static_cast<size_t>(write_buffer_bytes) / 2;
  return options;
}

rocksdb::ColumnFamilyOptions ObjectFamilySettings(int64_t write_buffer_bytes) {
  rocksdb::ColumnFamilyOptions options = WithBloomFilter();
  options.write_buffer_size = static_cast<size_t>(write_buffer_bytes);
  options.enable_blob_files = true;
  options.min_blob_size = 4096;
  options.enable_blob_garbage_collection = true;
  options.blob_garbage_collection_age_cutoff = 0.5;
  options.blob_garbage_collection_force_threshold = 0.5;
  return options;
}

}  // namespace mneme
