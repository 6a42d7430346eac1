#include <rocksdb/env.h>
#include <stdio.h>

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "server/store/rocksdb_store.h"
#include "tests/server/store/rocksdb_store_fixture.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

using RocksDbStoreFaultTest = RocksDbStoreTest;

TEST_F(RocksDbStoreFaultTest, AFailingDiskIsUnavailableUntilItWorksAgain) {
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
  EXPECT_THAT(store_->Remove(session_, ""), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 0)),
              IsOkAndHolds(ValueOf(session_, 0)));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  clock_.Advance(options_.resume_interval);
  ASSERT_THAT(Step(1), IsOk());
  Reopen();
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 1)),
              IsOkAndHolds(ValueOf(session_, 1)));
}

TEST_F(RocksDbStoreFaultTest, AFailureOfTheFirstWriteAfterAStartPasses) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  Reopen();
  rocksdb::IOStatus error = rocksdb::IOStatus::IOError("the disk is away");
  error.SetRetryable(true);
  disk_->FailWrites(error);
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(Step(1), IsOk());
}

TEST_F(RocksDbStoreFaultTest, AForkThatWasNotWrittenHoldsNothing) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  disk_->FailWrites(rocksdb::IOStatus::NoSpace("the disk is full"));
  EXPECT_THAT(ApplyOne(store_.get(), ForkCommit(session_, 0, Session("fork"))),
              StatusIs(StatusCode::kUnavailable));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  Reopen();
  // Acknowledged or not, a restart may have found it.
  ASSERT_THAT(store_->Remove(Session("fork"), ""), IsOk());
  ASSERT_THAT(Step(1), IsOk());
  ASSERT_THAT(Step(2), IsOk());
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 0)),
              StatusIs(StatusCode::kNotFound));
}

TEST_F(RocksDbStoreFaultTest, AFullDiskIsUnavailableAndStillRead) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  disk_->FailWrites(rocksdb::IOStatus::NoSpace("the disk is full"));
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable, HasSubstr("full")));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 0)),
              IsOkAndHolds(ValueOf(session_, 0)));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  Reopen();
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 0)),
              IsOkAndHolds(ValueOf(session_, 0)));
}

TEST_F(RocksDbStoreFaultTest, ADiskThatHasRoomAgainIsWrittenToAtOnce) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  disk_->FailWrites(rocksdb::IOStatus::NoSpace("the disk is full"));
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable, HasSubstr("full")));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(store_->Probe(), IsOk());
  // What was refused may have been written all the same.
  EXPECT_THAT(Step(1), AnyOf(IsOk(), StatusIs(StatusCode::kAborted)));
  EXPECT_THAT(Step(2), IsOk());
  Reopen();
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 2)),
              IsOkAndHolds(ValueOf(session_, 2)));
}

// Debian's RocksDB ends the process when a log is synced after a failed write.
TEST_F(RocksDbStoreFaultTest,
       FlushingAndClosingAfterAFailedWriteIsUnavailable) {
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

TEST_F(RocksDbStoreFaultTest, AFailedSyncIsUnavailableForWhatComesAfter) {
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
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 1)),
              IsOkAndHolds(ValueOf(session_, 1)));
}

TEST_F(RocksDbStoreFaultTest, AProbeSaysWhetherWritesWork) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0, Durability::kAsync), IsOk());
  EXPECT_THAT(store_->Probe(), IsOk());
  EXPECT_EQ(store_->unsynced_since(), std::nullopt) << "it is a sync too";
  rocksdb::IOStatus error = rocksdb::IOStatus::IOError("the disk is away");
  error.SetRetryable(true);
  disk_->FailWrites(error);
  const absl::Status failed = store_->Probe();
  EXPECT_THAT(failed, StatusIs(StatusCode::kUnavailable, HasSubstr("away")));
  EXPECT_EQ(GetErrorInfo(failed).reason, "STORE_DOWN");
  disk_->FailWrites(rocksdb::IOStatus::OK());
  EXPECT_THAT(store_->Probe(), StatusIs(StatusCode::kUnavailable));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(store_->Probe(), IsOk());
  EXPECT_THAT(Step(1), IsOk());
  Reopen();
  EXPECT_THAT(store_->GetValue(ValueAt(session_, 1)),
              IsOkAndHolds(ValueOf(session_, 1)));
}

TEST_F(RocksDbStoreFaultTest, AProbeOfAFullDiskFails) {
  UseFakeDisk();
  Reopen();
  ASSERT_THAT(Step(0), IsOk());
  disk_->FailWrites(rocksdb::IOStatus::NoSpace("the disk is full"));
  EXPECT_THAT(Step(1), StatusIs(StatusCode::kUnavailable));
  clock_.Advance(options_.resume_interval);
  EXPECT_THAT(store_->Probe(), StatusIs(StatusCode::kUnavailable));
}

TEST_F(RocksDbStoreFaultTest, AFailingDiskDoesNotStopMemorySessions) {
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

TEST_F(RocksDbStoreFaultTest, ADamagedLogRefusesToOpenUntilToldToGoBack) {
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

TEST_F(RocksDbStoreFaultTest, FilesDamagedOnDiskAreDataLoss) {
  options_.write_buffer_bytes = 64 << 10;
  Reopen();
  for (int step = 0; step < 300; ++step) {
    Commit commit = StepCommit(session_, step);
    commit.record.values.clear();
    for (int held = 0; held <= step; ++held) {
      commit.record.values.push_back(HeadOf(session_, held));
    }
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
    const auto bytes = store_->GetValue(ValueAt(session_, step));
    if (bytes.ok()) {
      EXPECT_EQ(*bytes, ValueOf(session_, step));
    } else {
      EXPECT_THAT(bytes, StatusIs(StatusCode::kDataLoss));
      ++damaged;
    }
  }
  EXPECT_GT(damaged, 0);
}

}  // namespace
}  // namespace mneme
