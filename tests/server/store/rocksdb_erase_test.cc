// What MarkErase, Remove and Scrub leave in the files of a RocksDB store.

#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/status_macros.h"
#include "tests/server/store/rocksdb_store_fixture.h"
#include "tests/testing/files_with.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::IsEmpty;
using ::testing::Not;

class RocksDbEraseTest : public RocksDbStoreTest {
 protected:
  RocksDbEraseTest() { Reopen(); }

  absl::Status Erase(const SessionKey& session) {
    RETURN_IF_ERROR(store_->MarkErase());
    RETURN_IF_ERROR(store_->Remove(session, ""));
    return store_->Scrub();
  }
  // Steps 0 to `last`, each with a value and a reply.
  void Fill(const SessionKey& session, int last) {
    for (int step = 0; step <= last; ++step) {
      ASSERT_THAT(ApplyOne(store_.get(), StepCommit(session, step)), IsOk());
    }
  }
  void ExpectReadable(const SessionKey& session, int step) {
    EXPECT_THAT(store_->GetValue(ValueAt(session, step)),
                IsOkAndHolds(ValueOf(session, step)));
    EXPECT_THAT(store_->GetReply(ReplyAt(session, step)),
                IsOkAndHolds(ReplyOf(session, step)));
  }
  // The names of the files that have these bytes anywhere.
  std::vector<std::string> FilesWith(const std::string& bytes) const {
    return mneme::FilesWith(dir_.path(), bytes);
  }

  // In its id, hence in its record, values, replies, and all keys.
  const SessionKey canary_ = Session("canary-c0ffee");
  const std::string mark_ = "canary-c0ffee";
};

TEST_F(RocksDbEraseTest, WithoutItTheBytesStay) {
  Fill(canary_, 2);
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  ASSERT_THAT(store_->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), Not(IsEmpty()));
}

TEST_F(RocksDbEraseTest, NoFileHasAnythingOfAnErasedSession) {
  Fill(session_, 5);
  // Of these steps some values are in tables and some in blob files.
  Fill(canary_, 8);
  Fill(Session("t"), 5);
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  EXPECT_THAT(FilesWith(absl::StrCat("#5:")), Not(IsEmpty()));
  ExpectReadable(session_, 5);
  ExpectReadable(Session("t"), 5);
  EXPECT_THAT(store_->GetValue(ValueAt(canary_, 8)),
              StatusIs(StatusCode::kNotFound));
  Reopen();
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  ExpectReadable(session_, 5);
}

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

TEST_F(RocksDbEraseTest, WhatAForkUsesStays) {
  Fill(canary_, 5);
  const SessionKey fork = Session("fork");
  ASSERT_THAT(ApplyOne(store_.get(), ForkCommit(canary_, 5, fork)), IsOk());
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(store_->GetValue(ValueAt(canary_, 5)),
              IsOkAndHolds(ValueOf(canary_, 5)));
  EXPECT_THAT(FilesWith(absl::StrCat(mark_, "#4:")), IsEmpty());
  EXPECT_THAT(FilesWith(absl::StrCat("reply to ", mark_)), IsEmpty());
  EXPECT_THAT(FilesWith(absl::StrCat("record of ", mark_)), IsEmpty());
  ASSERT_THAT(Erase(fork), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

TEST_F(RocksDbEraseTest, ATombstoneGoesToo) {
  Fill(canary_, 2);
  ASSERT_THAT(store_->Remove(canary_, "tombstone"), IsOk());
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->RemoveTombstone(canary_), IsOk());
  ASSERT_THAT(store_->Scrub(), IsOk());
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
