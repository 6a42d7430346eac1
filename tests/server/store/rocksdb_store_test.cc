#include "server/store/rocksdb_store.h"

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/entry_format.h"
#include "tests/server/store/conformance.h"
#include "tests/server/store/raw_rocksdb.h"
#include "tests/server/store/rocksdb_store_fixture.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string Flipped(std::string value) {
  value.back() = static_cast<char>(value.back() ^ 1);
  return value;
}

class RocksDbUnderTest : public StoreUnderTest {
 public:
  RocksDbUnderTest() { Reopen(); }
  MemoryStore* store() override { return store_.get(); }
  void CorruptValue(const ValueKey& key) override { Flip(1, EntryKey(key)); }
  void CorruptReply(const ReplyKey& key) override { Flip(1, EntryKey(key)); }
  void CorruptRecord(const SessionKey& session) override {
    Flip(0, RecordEntryKey(session, RootOf(session)));
  }

  void Reopen() override {
    store_.reset();
    auto store = RocksDbStore::Open(dir_.path());
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }
  std::string folder() const override { return dir_.path(); }

 private:
  void Flip(size_t family, const std::string& key) {
    store_.reset();
    {
      RawRocksDb raw(dir_.path());
      raw.Put(family, key, Flipped(raw.Get(family, key)));
    }
    Reopen();
  }
  TempFolder dir_;
  std::unique_ptr<RocksDbStore> store_;
};

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreConformance,
    ::testing::Values(StoreFactory{
        "RocksDb", [] { return std::make_unique<RocksDbUnderTest>(); }}),
    StoreName);

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreForkConformance,
    ::testing::Values(StoreFactory{
        "RocksDb", [] { return std::make_unique<RocksDbUnderTest>(); }}),
    StoreName);

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreEraseConformance,
    ::testing::Values(StoreFactory{
        "RocksDb", [] { return std::make_unique<RocksDbUnderTest>(); }}),
    StoreName);

TEST_F(RocksDbStoreTest, ReopeningFindsEverythingButMemorySessions) {
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  ASSERT_THAT(Step(1, Durability::kAsync), IsOk());
  ASSERT_THAT(
      ApplyOne(store_.get(), StepCommit(Session("m"), 0, Durability::kMemory)),
      IsOk());
  Reopen();
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 1)),
              IsOkAndHolds(ValueOf(session_, 1)));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store_->LoadRecords());
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(loaded.records[0].head, HeadOf(session_, 1));
  EXPECT_EQ(loaded.records[0].bytes, RecordOf(session_, 1));
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
    EXPECT_EQ(raw.CountKeys(0), 1 + 1);  // the format version, the record
    EXPECT_EQ(raw.CountKeys(1), 2 + 2);  // values, replies
  }
  Reopen();
  ASSERT_THAT(store_->Remove(session_, ""), IsOk());
  store_.reset();
  RawRocksDb raw(dir_.path());
  EXPECT_EQ(raw.CountKeys(0), 1);
  EXPECT_EQ(raw.CountKeys(1), 0);
}

TEST_F(RocksDbStoreTest, ADamagedRecordIsDataLossForCommitsAndLoading) {
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  store_.reset();
  {
    RawRocksDb raw(dir_.path());
    raw.Put(0, RecordKey(), Flipped(raw.Get(0, RecordKey())));
  }
  Reopen();
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kDataLoss, HasSubstr("record of")));
  EXPECT_THAT(Step(0), StatusIs(StatusCode::kDataLoss, HasSubstr("record of")));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store_->LoadRecords());
  EXPECT_THAT(loaded.corrupt, ElementsAre(session_));
  EXPECT_THAT(store_->Remove(session_, ""), IsOk());
  EXPECT_THAT(Step(0), IsOk());
}

TEST_F(RocksDbStoreTest, AKeyThatIsNotOursIsDataLoss) {
  Reopen();
  store_.reset();
  RawRocksDb(dir_.path()).Put(0, "strange", "");
  EXPECT_THAT(RocksDbStore::Open(dir_.path()),
              StatusIs(StatusCode::kDataLoss, HasSubstr("strange")));
}

TEST_F(RocksDbStoreTest, ANewerFormatIsRefusedByVersion) {
  Reopen();
  store_.reset();
  RawRocksDb(dir_.path()).Put(0, std::string("\0mneme-format", 13), "3");
  EXPECT_THAT(RocksDbStore::Open(dir_.path()),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("format version '3'")));
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

TEST_F(RocksDbStoreTest, ACommitMayAskForASyncInAnAsyncSession) {
  UseFakeDisk();
  Reopen();
  const int64_t before = disk_->syncs();
  Commit commit = StepCommit(session_, 0, Durability::kAsync);
  commit.sync = true;
  ASSERT_THAT(ApplyOne(store_.get(), std::move(commit)), IsOk());
  EXPECT_GT(disk_->syncs(), before);
  EXPECT_EQ(store_->unsynced_since(), std::nullopt);
  EXPECT_EQ(store_->LoadRecords()->records.at(0).durability,
            Durability::kAsync);
}

TEST_F(RocksDbStoreTest, ASyncCommitTakesTheAsyncOnesWithIt) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0, Durability::kAsync), IsOk());
  ASSERT_THAT(Step(1, Durability::kSync), IsOk());
  EXPECT_EQ(store_->unsynced_since(), std::nullopt);
}

}  // namespace
}  // namespace mneme
