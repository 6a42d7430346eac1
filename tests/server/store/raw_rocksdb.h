#ifndef MNEME_TESTS_SERVER_STORE_RAW_ROCKSDB_H_
#define MNEME_TESTS_SERVER_STORE_RAW_ROCKSDB_H_

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace mneme {

// A closed store's database, opened without the store: for reading and changing
// entries behind its back. Used by one thread.
class RawRocksDb {
 public:
  explicit RawRocksDb(const std::string& path) {
    rocksdb::DB* db = nullptr;
    rocksdb::DBOptions options;
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    const rocksdb::Status status = rocksdb::DB::Open(
        options, path, {{"default", {}}, {"objects", {}}}, &handles_, &db);
    EXPECT_TRUE(status.ok()) << status.ToString();
    db_.reset(db);
  }
  ~RawRocksDb() {
    for (auto* handle : handles_) {
      EXPECT_TRUE(db_->DestroyColumnFamilyHandle(handle).ok());
    }
  }

  // `family`: 0 is "default", 1 is "objects".
  std::string Get(size_t family, const std::string& key) {
    std::string value;
    const rocksdb::Status status = db_->Get({}, handles_[family], key, &value);
    EXPECT_TRUE(status.ok()) << status.ToString();
    return value;
  }
  void Put(size_t family, const std::string& key, const std::string& value) {
    EXPECT_TRUE(db_->Put({}, handles_[family], key, value).ok());
  }
  void Delete(size_t family, const std::string& key) {
    EXPECT_TRUE(db_->Delete({}, handles_[family], key).ok());
  }
  int CountKeys(size_t family) {
    int keys = 0;
    const std::unique_ptr<rocksdb::Iterator> it(
        db_->NewIterator({}, handles_[family]));
    for (it->SeekToFirst(); it->Valid(); it->Next()) ++keys;
    return keys;
  }

 private:
  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_RAW_ROCKSDB_H_
