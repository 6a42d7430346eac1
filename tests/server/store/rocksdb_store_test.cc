#include "server/store/rocksdb_store.h"

#include <rocksdb/env.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "server/store/entry_format.h"
#include "tests/server/store/conformance.h"
#include "tests/server/store/raw_rocksdb.h"
#include "tests/server/store/store_builders.h"
#include "tests/server/store/temp_dir.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/unsynced_loss_file_system.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const SessionKey kSession = Session("s");

std::string Flipped(std::string value) {
  value.back() = static_cast<char>(value.back() ^ 1);
  return value;
}

class RocksDbUnderTest : public StoreUnderTest {
 public:
  RocksDbUnderTest() { Reopen(); }
  MemoryStore* store() override { return store_.get(); }
  void CorruptObject(const ObjectKey& key) override {
    Flip(1, ObjectEntryKey(key));
  }
  void CorruptRecord(const SessionKey& session) override {
    Flip(0, EntryKey(SessionPrefix(session), EntryKind::kRecord));
  }

 private:
  void Flip(size_t family, const std::string& key) {
    store_.reset();
    {
      RawRocksDb raw(dir_.path());
      raw.Put(family, key, Flipped(raw.Get(family, key)));
    }
    Reopen();
  }
  void Reopen() {
    auto store = RocksDbStore::Open(dir_.path());
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

  TempDir dir_;
  std::unique_ptr<RocksDbStore> store_;
};

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreConformance,
    ::testing::Values(StoreFactory{
        "RocksDb", [] { return std::make_unique<RocksDbUnderTest>(); }}),
    StoreName);

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
    return ApplyOne(store_.get(), StepCommit(kSession, step, durability));
  }
  std::string HeadKey() {
    return EntryKey(SessionPrefix(kSession), EntryKind::kHead);
  }
  std::string RecordKey() {
    return EntryKey(SessionPrefix(kSession), EntryKind::kRecord);
  }

  TempDir dir_;
  FakeClock clock_;
  std::shared_ptr<UnsyncedLossFileSystem> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  RocksDbStore::Options options_;
  std::unique_ptr<RocksDbStore> store_;
};

TEST_F(RocksDbStoreTest, ReopeningFindsEverythingButMemorySessions) {
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  ASSERT_THAT(Step(1, Durability::kAsync), IsOk());
  ASSERT_THAT(
      ApplyOne(store_.get(), StepCommit(Session("m"), 0, Durability::kMemory)),
      IsOk());
  Reopen();
  EXPECT_THAT(store_->GetObject(ValueKey(kSession, 1)),
              IsOkAndHolds(ValueOf(kSession, 1)));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store_->LoadRecords());
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(loaded.records[0].head, HeadOf(kSession, 1));
  EXPECT_EQ(loaded.records[0].record, RecordOf(kSession, 1));
  EXPECT_THAT(Step(2), IsOk());
}

TEST_F(RocksDbStoreTest, MemorySessionsNeverReachTheDisk) {
  Reopen();
  for (int step = 0; step < 5; ++step) {
    ASSERT_THAT(Step(step, Durability::kMemory), IsOk());
  }
  store_.reset();
  RawRocksDb raw(dir_.path());
  EXPECT_EQ(raw.CountKeys(0), 1);  // the format version
  EXPECT_EQ(raw.CountKeys(1), 0);
}

TEST_F(RocksDbStoreTest, DeletedAndRemovedLeaveNoKeysBehind) {
  Reopen();
  for (int step = 0; step < 20; ++step) ASSERT_THAT(Step(step), IsOk());
  store_.reset();
  {
    RawRocksDb raw(dir_.path());
    EXPECT_EQ(raw.CountKeys(0), 1 + 2 + 2);  // format; head, record; 2 names
    EXPECT_EQ(raw.CountKeys(1), 2);
  }
  Reopen();
  ASSERT_THAT(store_->Remove(kSession), IsOk());
  store_.reset();
  RawRocksDb raw(dir_.path());
  EXPECT_EQ(raw.CountKeys(0), 1);
  EXPECT_EQ(raw.CountKeys(1), 0);
}

TEST_F(RocksDbStoreTest, CollectsObjectsOfASessionWithoutARecord) {
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  store_.reset();
  {
    RawRocksDb raw(dir_.path());
    raw.Delete(0, HeadKey());
    raw.Delete(0, RecordKey());
  }
  Reopen();
  ASSERT_OK_AND_ASSIGN(const auto loaded, store_->LoadRecords());
  EXPECT_THAT(loaded.records, IsEmpty());
  EXPECT_THAT(loaded.corrupt, IsEmpty());
  EXPECT_THAT(store_->CollectOrphans({ValueKey(kSession, 0)}), IsOkAndHolds(1));
  EXPECT_THAT(store_->GetObject(ValueKey(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
}

TEST_F(RocksDbStoreTest, ADamagedHeadIsDataLossForCommitsAndLoading) {
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  store_.reset();
  {
    RawRocksDb raw(dir_.path());
    raw.Put(0, HeadKey(), Flipped(raw.Get(0, HeadKey())));
  }
  Reopen();
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kDataLoss, HasSubstr("head of")));
  EXPECT_THAT(Step(0), StatusIs(StatusCode::kDataLoss, HasSubstr("head of")));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store_->LoadRecords());
  EXPECT_THAT(loaded.corrupt, ElementsAre(kSession));
  EXPECT_THAT(store_->Remove(kSession), IsOk());
  EXPECT_THAT(Step(0), IsOk());
}

TEST_F(RocksDbStoreTest, ARecordOfAnotherHeadOrALostOneIsCorrupt) {
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  store_.reset();
  std::string old_record;
  old_record = RawRocksDb(dir_.path()).Get(0, RecordKey());
  Reopen();
  ASSERT_THAT(Step(1), IsOk());
  store_.reset();
  RawRocksDb(dir_.path()).Put(0, RecordKey(), old_record);
  Reopen();
  EXPECT_THAT(store_->LoadRecords()->corrupt, ElementsAre(kSession));
  store_.reset();
  RawRocksDb(dir_.path()).Delete(0, RecordKey());
  Reopen();
  EXPECT_THAT(store_->LoadRecords()->corrupt, ElementsAre(kSession));
}

TEST_F(RocksDbStoreTest, AKeyThatIsNotOursIsDataLoss) {
  Reopen();
  store_.reset();
  RawRocksDb(dir_.path()).Put(0, "strange", "");
  Reopen();
  EXPECT_THAT(store_->LoadRecords(),
              StatusIs(StatusCode::kDataLoss, HasSubstr("strange")));
}

TEST_F(RocksDbStoreTest, ANewerFormatIsRefusedByVersion) {
  Reopen();
  store_.reset();
  RawRocksDb(dir_.path()).Put(0, std::string("\0mneme-format", 13), "2");
  EXPECT_THAT(RocksDbStore::Open(dir_.path()),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("format version '2'")));
}

TEST_F(RocksDbStoreTest, AnotherProgramsDatabaseIsRefused) {
  RawRocksDb(dir_.path()).Put(0, "their key", "their value");
  EXPECT_THAT(
      RocksDbStore::Open(dir_.path()),
      StatusIs(StatusCode::kFailedPrecondition, HasSubstr("another program")));
}

TEST_F(RocksDbStoreTest, AHeldStoreIsRefusedByPath) {
  Reopen();
  EXPECT_THAT(RocksDbStore::Open(dir_.path()),
              StatusIs(StatusCode::kFailedPrecondition,
                       ::testing::AllOf(HasSubstr(dir_.path()),
                                        HasSubstr("holds it"))));
}

TEST_F(RocksDbStoreTest, AFolderThatCannotBeMadeIsUnavailable) {
  EXPECT_THAT(RocksDbStore::Open("/proc/none/store"),
              StatusIs(StatusCode::kUnavailable, HasSubstr("/proc/none")));
}

TEST_F(RocksDbStoreTest, OptionsAreCheckedByName) {
  options_.async_window = absl::Milliseconds(-1);
  EXPECT_THAT(RocksDbStore::Open(dir_.path(), options_),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("-1ms")));
  options_ = {};
  options_.write_buffer_bytes = 0;
  EXPECT_THAT(
      RocksDbStore::Open(dir_.path(), options_),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("write_buffer_bytes")));
}

TEST_F(RocksDbStoreTest, AGroupCostsOneSync) {
  UseFakeDisk();
  Reopen();
  const int64_t before = disk_->syncs();
  std::vector<Commit> group;
  for (int i = 0; i < 50; ++i) {
    group.push_back(StepCommit(Session(absl::StrCat("s", i)), 0));
  }
  for (const auto& status : store_->Apply(std::move(group))) {
    EXPECT_THAT(status, IsOk());
  }
  EXPECT_EQ(disk_->syncs() - before, 1);
}

TEST_F(RocksDbStoreTest, AsyncCommitsAreSyncedByFlushAndNotBefore) {
  UseFakeDisk();
  Reopen();
  const int64_t before = disk_->syncs();
  ASSERT_THAT(Step(0, Durability::kAsync), IsOk());
  EXPECT_EQ(store_->unsynced_since(), clock_.Monotonic());
  EXPECT_EQ(disk_->syncs(), before);
  ASSERT_THAT(store_->Flush(), IsOk());
  EXPECT_EQ(store_->unsynced_since(), std::nullopt);
  EXPECT_EQ(disk_->syncs(), before + 1);
}

TEST_F(RocksDbStoreTest, ASyncCommitTakesTheAsyncOnesWithIt) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0, Durability::kAsync), IsOk());
  ASSERT_THAT(Step(1, Durability::kSync), IsOk());
  EXPECT_EQ(store_->unsynced_since(), std::nullopt);
}

TEST_F(RocksDbStoreTest, AFailingDiskIsUnavailableUntilItWorksAgain) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  rocksdb::IOStatus error = rocksdb::IOStatus::IOError("the disk is away");
  error.SetRetryable(true);
  disk_->FailWrites(error);
  const absl::Status failed = Step(1);
  EXPECT_THAT(failed, StatusIs(StatusCode::kUnavailable, HasSubstr("away")));
  EXPECT_EQ(GetErrorInfo(failed).reason, "STORE_DOWN");
  const absl::Status refused = Step(1);
  EXPECT_THAT(refused, StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(GetErrorInfo(refused).retry_after, options_.resume_interval);
  EXPECT_THAT(store_->Remove(kSession), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(store_->GetObject(ValueKey(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  clock_.Advance(options_.resume_interval);
  ASSERT_THAT(Step(1), IsOk());
  Reopen();
  EXPECT_THAT(store_->GetObject(ValueKey(kSession, 1)),
              IsOkAndHolds(ValueOf(kSession, 1)));
}

TEST_F(RocksDbStoreTest, AFullDiskIsUnavailableAndStillRead) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  disk_->FailWrites(rocksdb::IOStatus::NoSpace("the disk is full"));
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable, HasSubstr("full")));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(store_->GetObject(ValueKey(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  Reopen();
  EXPECT_THAT(store_->GetObject(ValueKey(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
}

// Debian's RocksDB ends the process when a log is synced after a failed write.
TEST_F(RocksDbStoreTest, FlushingAndClosingAfterAFailedWriteIsUnavailable) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0, Durability::kAsync), IsOk());
  disk_->FailWrites(rocksdb::IOStatus::IOError("the disk is gone"));
  EXPECT_THAT(Step(1, Durability::kAsync), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(store_->Flush(), StatusIs(StatusCode::kUnavailable));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(store_->Flush(), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  store_.reset();
}

TEST_F(RocksDbStoreTest, AFailedSyncIsUnavailableForWhatComesAfter) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0, Durability::kAsync), IsOk());
  rocksdb::IOStatus error = rocksdb::IOStatus::IOError("the disk is away");
  error.SetRetryable(true);
  disk_->FailWrites(error);
  EXPECT_THAT(store_->Flush(), StatusIs(StatusCode::kUnavailable));
  EXPECT_TRUE(store_->unsynced_since().has_value());
  disk_->FailWrites(rocksdb::IOStatus::OK());
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(Step(1), IsOk());
  EXPECT_THAT(store_->Flush(), IsOk());
  Reopen();
  EXPECT_THAT(store_->GetObject(ValueKey(kSession, 1)),
              IsOkAndHolds(ValueOf(kSession, 1)));
}

TEST_F(RocksDbStoreTest, AFailingDiskDoesNotStopMemorySessions) {
  UseFakeDisk();
  Reopen();
  disk_->FailWrites(rocksdb::IOStatus::IOError("broken"));
  std::vector<Commit> group;
  group.push_back(StepCommit(Session("m"), 0, Durability::kMemory));
  group.push_back(StepCommit(Session("a"), 0, Durability::kAsync));
  group.push_back(StepCommit(Session("s"), 5, Durability::kSync));
  EXPECT_THAT(store_->Apply(std::move(group)),
              ElementsAre(IsOk(), StatusIs(StatusCode::kUnavailable),
                          StatusIs(StatusCode::kAborted)));
}

TEST_F(RocksDbStoreTest, ADamagedLogRefusesToOpenUntilToldToGoBack) {
  Reopen();
  for (int step = 0; step < 10; ++step) ASSERT_THAT(Step(step), IsOk());
  store_.reset();
  std::string log;
  for (const auto& file : std::filesystem::directory_iterator(dir_.path())) {
    if (file.path().extension() == ".log" && file.file_size() > 0) {
      log = file.path();
    }
  }
  ASSERT_NE(log, "");
  FILE* const file = fopen(log.c_str(), "r+");
  ASSERT_NE(file, nullptr);
  fseek(file, 2000, SEEK_SET);
  fputs("damage", file);
  fclose(file);
  EXPECT_THAT(RocksDbStore::Open(dir_.path()),
              StatusIs(StatusCode::kDataLoss, HasSubstr(dir_.path())));
  options_.recover_to_last_good = true;
  Reopen();
  EXPECT_THAT(store_->LoadRecords(), IsOk());
}

TEST_F(RocksDbStoreTest, FilesDamagedOnDiskAreDataLoss) {
  options_.write_buffer_bytes = 64 << 10;
  Reopen();
  for (int step = 0; step < 300; ++step) {
    Commit commit = StepCommit(kSession, step);
    commit.deletes.clear();
    ASSERT_THAT(ApplyOne(store_.get(), std::move(commit)), IsOk());
  }
  store_.reset();
  for (const auto& entry : std::filesystem::directory_iterator(dir_.path())) {
    if (entry.path().extension() != ".blob") continue;
    FILE* const file = fopen(entry.path().c_str(), "r+");
    ASSERT_NE(file, nullptr);
    for (long at = 100; at < static_cast<long>(entry.file_size()) - 100;
         at += 500) {
      fseek(file, at, SEEK_SET);
      fputs("damage", file);
    }
    fclose(file);
  }
  Reopen();
  int damaged = 0;
  for (int step = 0; step < 300; ++step) {
    const auto bytes = store_->GetObject(ValueKey(kSession, step));
    if (bytes.ok()) {
      EXPECT_EQ(*bytes, ValueOf(kSession, step));
    } else {
      EXPECT_THAT(bytes, StatusIs(StatusCode::kDataLoss));
      ++damaged;
    }
  }
  EXPECT_GT(damaged, 0);
}

}  // namespace
}  // namespace mneme
