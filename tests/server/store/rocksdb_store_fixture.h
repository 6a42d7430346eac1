#ifndef MNEME_TESTS_SERVER_STORE_ROCKSDB_STORE_FIXTURE_H_
#define MNEME_TESTS_SERVER_STORE_ROCKSDB_STORE_FIXTURE_H_

#include <rocksdb/env.h>

#include <memory>
#include <string>
#include <utility>

#include "gtest/gtest.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_store.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"
#include "tests/testing/unsynced_loss_file_system.h"

namespace mneme {

// A RocksDbStore in a folder of its own, with one session that steps.
class RocksDbStoreTest : public ::testing::Test {
 protected:
  // Closes the store that is open, and opens it again.
  void Reopen() {
    store_.reset();
    auto store = RocksDbStore::Open(dir_.path(), options_);
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  void UseFakeDisk() {
    disk_ = std::make_shared<UnsyncedLossFileSystem>();
    env_ = rocksdb::NewCompositeEnv(disk_);
    options_.env = env_.get();
    options_.clock = &clock_;
  }
  absl::Status Step(int step, Durability durability = Durability::kSync) {
    return ApplyOne(store_.get(), StepCommit(session_, step, durability));
  }
  std::string RecordKey() { return RecordEntryKey(session_, RootOf(session_)); }

  const SessionKey session_ = Session("s");
  TempFolder dir_;
  FakeClock clock_;
  std::shared_ptr<UnsyncedLossFileSystem> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  RocksDbStore::Options options_;
  std::unique_ptr<RocksDbStore> store_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_STORE_ROCKSDB_STORE_FIXTURE_H_
