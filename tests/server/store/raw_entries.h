#ifndef MNEME_TESTS_SERVER_STORE_RAW_ENTRIES_H_
#define MNEME_TESTS_SERVER_STORE_RAW_ENTRIES_H_

#include <rocksdb/db.h>

#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace mneme {

// All entries of a closed store's database, whatever families and keys it has:
// for changing them behind the store's back. Used by one thread.
class RawEntries {
 public:
  struct Entry {
    size_t family = 0;  // in the order of the database
    std::string key;
    std::string value;
  };

  RawEntries(rocksdb::Env* env, const std::string& path) {
    rocksdb::DBOptions options;
    options.env = env;
    std::vector<std::string> names;
    Check(rocksdb::DB::ListColumnFamilies(options, path, &names));
    std::vector<rocksdb::ColumnFamilyDescriptor> families;
    for (const std::string& name : names) {
      families.emplace_back(name, rocksdb::ColumnFamilyOptions());
    }
    rocksdb::DB* db = nullptr;
    Check(rocksdb::DB::Open(options, path, families, &handles_, &db));
    db_.reset(db);
  }
  ~RawEntries() {
    for (auto* handle : handles_) Check(db_->DestroyColumnFamilyHandle(handle));
  }
  RawEntries(const RawEntries&) = delete;
  RawEntries& operator=(const RawEntries&) = delete;

  std::vector<Entry> All() {
    std::vector<Entry> entries;
    for (size_t family = 0; family < handles_.size(); ++family) {
      const std::unique_ptr<rocksdb::Iterator> it(
          db_->NewIterator({}, handles_[family]));
      for (it->SeekToFirst(); it->Valid(); it->Next()) {
        entries.push_back(
            {family, it->key().ToString(), it->value().ToString()});
      }
      Check(it->status());
    }
    return entries;
  }
  void Put(const Entry& entry) {
    Check(db_->Put({}, handles_[entry.family], entry.key, entry.value));
  }

 private:
  static void Check(const rocksdb::Status& status) {
    EXPECT_TRUE(status.ok()) << status.ToString();
  }

  std::unique_ptr<rocksdb::DB> db_;
  std::vector<rocksdb::ColumnFamilyHandle*> handles_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_RAW_ENTRIES_H_
