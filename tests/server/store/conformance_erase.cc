// What MarkErase, Remove and Scrub promise of every store that has files.

#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/store/conformance.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::IsEmpty;
using ::testing::Not;

TEST_P(MemoryStoreEraseConformance, WithoutItTheBytesStay) {
  Fill(canary_, 2);
  ASSERT_THAT(store()->Remove(canary_, ""), IsOk());
  ASSERT_THAT(store()->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), Not(IsEmpty()));
}

TEST_P(MemoryStoreEraseConformance, NoFileHasAnythingOfAnErasedSession) {
  const SessionKey session = Session("s");
  Fill(session, 5);
  // Of these steps some values are in tables and some in blob files, if the
  // store has such.
  Fill(canary_, 8);
  Fill(Session("t"), 5);
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  EXPECT_THAT(FilesWith("#5:"), Not(IsEmpty()));
  ExpectReadable(session, 5);
  ExpectReadable(Session("t"), 5);
  EXPECT_THAT(store()->GetValue(ValueAt(canary_, 8)),
              StatusIs(StatusCode::kNotFound));
  under_test_->Reopen();
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  ExpectReadable(session, 5);
}

TEST_P(MemoryStoreEraseConformance, WhatAForkUsesStays) {
  Fill(canary_, 5);
  const SessionKey fork = Session("fork");
  ASSERT_THAT(ApplyOne(store(), ForkCommit(canary_, 5, fork)), IsOk());
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(canary_, 5)),
              IsOkAndHolds(ValueOf(canary_, 5)));
  EXPECT_THAT(FilesWith(absl::StrCat(mark_, "#4:")), IsEmpty());
  EXPECT_THAT(FilesWith(absl::StrCat("reply to ", mark_)), IsEmpty());
  EXPECT_THAT(FilesWith(absl::StrCat("record of ", mark_)), IsEmpty());
  ASSERT_THAT(Erase(fork), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

TEST_P(MemoryStoreEraseConformance, ATombstoneGoesToo) {
  Fill(canary_, 2);
  ASSERT_THAT(store()->Remove(canary_, "tombstone"), IsOk());
  ASSERT_THAT(store()->MarkErase(), IsOk());
  ASSERT_THAT(store()->RemoveTombstone(canary_), IsOk());
  ASSERT_THAT(store()->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

}  // namespace
}  // namespace mneme
