// What MarkErase, Remove and Scrub leave in the files of a RocksDB store.

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/store/erase_testing.h"
#include "tests/server/store/rocksdb_store_fixture.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::IsEmpty;
using ::testing::Not;

// What is special to RocksDB; the rest is in conformance_erase.cc.
class RocksDbEraseTest : public RocksDbStoreTest, protected EraseTesting {
 protected:
  RocksDbEraseTest() { Reopen(); }
  MemoryStore* erased_store() override { return store_.get(); }
  std::string folder() const override { return dir_.path(); }
};

TEST_F(RocksDbEraseTest, ItMattersNotWhereTheBytesHaveGotTo) {
  Fill(canary_, 3);
  // Moves what there is to the lowest level, with the canary in it.
  Fill(Session("other"), 3);
  ASSERT_THAT(Erase(Session("other")), IsOk());
  EXPECT_THAT(FilesWith(mark_), Not(IsEmpty()));
  Reopen();
  for (int step = 4; step <= 6; ++step) {
    ASSERT_THAT(ApplyOne(store_.get(), StepCommit(canary_, step)), IsOk());
  }
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

TEST_F(RocksDbEraseTest, TheNextStartMakesUpForOneThatWasCutShort) {
  Fill(canary_, 5);
  Fill(session_, 2);
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  Reopen();
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  ExpectReadable(session_, 2);
}

TEST_F(RocksDbEraseTest, CommitsGoOnMeanwhile) {
  Fill(canary_, 5);
  Fill(session_, 0);
  std::thread steps([this] {
    for (int step = 1; step <= 50; ++step) EXPECT_THAT(Step(step), IsOk());
  });
  EXPECT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  steps.join();
  ExpectReadable(session_, 50);
  Reopen();
  ExpectReadable(session_, 50);
}

TEST_F(RocksDbEraseTest, AfterAFailureItCanBeDoneAgain) {
  UseFakeDisk();
  Reopen();
  Fill(canary_, 5);
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  rocksdb::IOStatus error = rocksdb::IOStatus::IOError("the disk is away");
  error.SetRetryable(true);
  disk_->FailWrites(error);
  EXPECT_THAT(store_->Scrub(), StatusIs(StatusCode::kUnavailable));
  disk_->FailWrites(rocksdb::IOStatus::OK());
  clock_.Advance(options_.resume_interval);
  ASSERT_THAT(store_->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

}  // namespace
}  // namespace mneme
