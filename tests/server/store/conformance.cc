#include "tests/server/store/conformance.h"

#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "server/store/commit_check.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const SessionKey kSession = Session("s");

TEST_P(MemoryStoreConformance, KeepsWhatACommitPuts) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 0)),
              IsOkAndHolds(ReplyOf(kSession, 0)));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  ASSERT_EQ(loaded.records.size(), 1u);
  const StoredRecord& record = loaded.records[0];
  EXPECT_EQ(record.session, kSession);
  EXPECT_EQ(record.root, RootOf(kSession));
  EXPECT_EQ(record.head, HeadOf(kSession, 0));
  EXPECT_EQ(record.durability, Durability::kSync);
  EXPECT_THAT(record.values, ElementsAre(HeadOf(kSession, 0)));
  EXPECT_EQ(record.replies, (StepRange{0, 1}));
  EXPECT_EQ(record.bytes, RecordOf(kSession, 0));
  EXPECT_THAT(loaded.corrupt, IsEmpty());
}

TEST_P(MemoryStoreConformance, WhatARecordNoLongerHoldsIsGone) {
  for (int step = 0; step <= 2; ++step) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, step)), IsOk());
  }
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
  for (int step = 1; step <= 2; ++step) {
    EXPECT_THAT(store()->GetValue(ValueAt(kSession, step)), IsOk());
    EXPECT_THAT(store()->GetReply(ReplyAt(kSession, step)), IsOk());
  }
}

TEST_P(MemoryStoreConformance, TheFirstValueOfADigestStays) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  Commit commit = StepCommit(kSession, 1);
  commit.values.push_back({HeadOf(kSession, 0), Share("another")});
  ASSERT_THAT(ApplyOne(store(), std::move(commit)), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
}

TEST_P(MemoryStoreConformance, AValueThatWasLetGoCanComeBack) {
  for (int step = 0; step <= 2; ++step) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, step)), IsOk());
  }
  Commit commit = StepCommit(kSession, 0);
  commit.expected_head = HeadOf(kSession, 2);
  ASSERT_THAT(ApplyOne(store(), std::move(commit)), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 2)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 2)),
              StatusIs(StatusCode::kNotFound));
}

TEST_P(MemoryStoreConformance,
       AnotherHeadThanExpectedIsAbortedAndChangesNothing) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 2)),
              StatusIs(StatusCode::kAborted, HasSubstr("session 's'")));
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 2)),
              StatusIs(StatusCode::kNotFound));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(loaded.records[0].head, HeadOf(kSession, 0));
}

TEST_P(MemoryStoreConformance, ASecondFirstCommitAlreadyExists) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 0)),
              StatusIs(StatusCode::kAlreadyExists));
}

TEST_P(MemoryStoreConformance, ACommitToAMissingRecordIsAborted) {
  EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 1)),
              StatusIs(StatusCode::kAborted, HasSubstr("no record")));
}

TEST_P(MemoryStoreConformance, ACommitThatContradictsItselfIsRefused) {
  Commit stray_value = StepCommit(kSession, 0);
  stray_value.values.push_back({DigestOf("stray"), Share("x")});
  EXPECT_THAT(ApplyOne(store(), std::move(stray_value)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("not hold")));
  Commit stray_reply = StepCommit(kSession, 0);
  stray_reply.replies.push_back({9, "x"});
  EXPECT_THAT(ApplyOne(store(), std::move(stray_reply)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("step 9")));
  Commit nowhere = StepCommit(kSession, 0);
  nowhere.record.values.push_back(DigestOf("nowhere"));
  EXPECT_THAT(ApplyOne(store(), std::move(nowhere)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("nowhere")));
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  Commit moved = StepCommit(kSession, 1);
  moved.record.root = RootOf(Session("other"));
  EXPECT_FALSE(ApplyOne(store(), std::move(moved)).ok());
  EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 1)), IsOk());
}

TEST_P(MemoryStoreConformance, AGroupIsAppliedInOrder) {
  std::vector<Commit> group;
  for (int step = 0; step <= 4; ++step) {
    group.push_back(StepCommit(kSession, step));
  }
  EXPECT_THAT(store()->Apply(std::move(group)),
              ElementsAre(IsOk(), IsOk(), IsOk(), IsOk(), IsOk()));
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 2)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 4)),
              IsOkAndHolds(ValueOf(kSession, 4)));
}

TEST_P(MemoryStoreConformance, ARefusedCommitDoesNotStopItsGroup) {
  std::vector<Commit> group;
  group.push_back(StepCommit(Session("a"), 0));
  group.push_back(StepCommit(Session("a"), 0));
  group.push_back(StepCommit(Session("a"), 2));
  group.push_back(StepCommit(Session("b"), 0, Durability::kAsync));
  group.push_back(StepCommit(Session("c"), 0, Durability::kMemory));
  EXPECT_THAT(store()->Apply(std::move(group)),
              ElementsAre(IsOk(), StatusIs(StatusCode::kAlreadyExists),
                          StatusIs(StatusCode::kAborted), IsOk(), IsOk()));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  EXPECT_EQ(loaded.records.size(), 3u);
}

TEST_P(MemoryStoreConformance, AnEmptyGroupIsFine) {
  EXPECT_THAT(store()->Apply({}), IsEmpty());
}

TEST_P(MemoryStoreConformance, AMemorySessionStepsLikeAnyOther) {
  for (int step = 0; step <= 2; ++step) {
    ASSERT_THAT(
        ApplyOne(store(), StepCommit(kSession, step, Durability::kMemory)),
        IsOk());
  }
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 2)),
              IsOkAndHolds(ValueOf(kSession, 2)));
  EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 1, Durability::kMemory)),
              StatusIs(StatusCode::kAborted));
}

TEST_P(MemoryStoreConformance, AsyncAndSyncMayFollowEachOther) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0, Durability::kAsync)),
              IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 1, Durability::kSync)),
              IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 2, Durability::kAsync)),
              IsOk());
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(loaded.records[0].durability, Durability::kAsync);
}

TEST_P(MemoryStoreConformance, ASessionCannotMoveBetweenMemoryAndDisk) {
  const SessionKey memory = Session("memory");
  ASSERT_THAT(ApplyOne(store(), StepCommit(memory, 0, Durability::kMemory)),
              IsOk());
  EXPECT_THAT(ApplyOne(store(), StepCommit(memory, 1, Durability::kSync)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("memory")));
  EXPECT_THAT(ApplyOne(store(), StepCommit(memory, 0, Durability::kSync)),
              StatusIs(StatusCode::kAlreadyExists));
  const SessionKey disk = Session("disk");
  ASSERT_THAT(ApplyOne(store(), StepCommit(disk, 0, Durability::kAsync)),
              IsOk());
  EXPECT_THAT(ApplyOne(store(), StepCommit(disk, 1, Durability::kMemory)),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("memory")));
  EXPECT_THAT(ApplyOne(store(), StepCommit(disk, 0, Durability::kMemory)),
              StatusIs(StatusCode::kAlreadyExists));
}

TEST_P(MemoryStoreConformance, IdsThatRunTogetherAreDifferentSessions) {
  const std::vector<SessionKey> sessions = {
      {"a", "bc"},  {"ab", "c"},    {"", "abc"},
      {"abc", ""},  {"a/b", "c"},   {"a", "b/c"},
      {"a", "b"},   {"a", "b\xff"}, {std::string("a\0", 2), "b"},
      {"a", "bch"}, {"a", "bcn"}};
  for (const SessionKey& session : sessions) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(session, 0)), IsOk());
  }
  ASSERT_THAT(store()->Remove({"a", "b"}, ""), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt({"a", "b"}, 0)),
              StatusIs(StatusCode::kNotFound));
  for (const SessionKey& session : sessions) {
    if (session == SessionKey{"a", "b"}) continue;
    EXPECT_THAT(store()->GetValue(ValueAt(session, 0)),
                IsOkAndHolds(ValueOf(session, 0)));
  }
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  EXPECT_EQ(loaded.records.size(), sessions.size() - 1);
}

TEST_P(MemoryStoreConformance, LoadsRecordsInKeyOrder) {
  const std::vector<SessionKey> sessions = {
      {"a", "10"}, {"a", "9"}, {"b", ""}, {"longer", "1"}, {"z", "2"}};
  for (auto it = sessions.rbegin(); it != sessions.rend(); ++it) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(*it, 0)), IsOk());
  }
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  std::vector<SessionKey> order;
  for (const auto& record : loaded.records) order.push_back(record.session);
  EXPECT_EQ(order, sessions);
}

TEST_P(MemoryStoreConformance, RemoveTakesTheRecordAndAllThatItHolds) {
  for (const Durability durability :
       {Durability::kMemory, Durability::kAsync, Durability::kSync}) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0, durability)), IsOk());
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 1, durability)), IsOk());
    ASSERT_THAT(store()->Remove(kSession, ""), IsOk());
    for (int step = 0; step <= 1; ++step) {
      EXPECT_THAT(store()->GetValue(ValueAt(kSession, step)),
                  StatusIs(StatusCode::kNotFound));
      EXPECT_THAT(store()->GetReply(ReplyAt(kSession, step)),
                  StatusIs(StatusCode::kNotFound));
    }
    ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
    EXPECT_THAT(loaded.records, IsEmpty());
    EXPECT_THAT(store()->Remove(kSession, ""), IsOk());
  }
}

TEST_P(MemoryStoreConformance, ATombstoneStaysUntilTheIdIsUsedOrForgotten) {
  const auto tombstones = [&] {
    std::vector<std::string> bytes;
    const auto loaded = store()->LoadRecords();
    for (const auto& tombstone : loaded->tombstones) {
      EXPECT_EQ(tombstone.session, kSession);
      bytes.push_back(tombstone.bytes);
    }
    return bytes;
  };
  for (const Durability durability : {Durability::kMemory, Durability::kSync}) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0, durability)), IsOk());
    EXPECT_THAT(tombstones(), IsEmpty());
    ASSERT_THAT(store()->Remove(kSession, "here it lay"), IsOk());
    EXPECT_THAT(store()->LoadRecords()->records, IsEmpty());
    EXPECT_THAT(tombstones(), ElementsAre("here it lay"));
  }
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  EXPECT_THAT(tombstones(), IsEmpty());
  ASSERT_THAT(store()->Remove(kSession, "again"), IsOk());
  ASSERT_THAT(store()->Remove(kSession, ""), IsOk());
  EXPECT_THAT(tombstones(), IsEmpty());
  ASSERT_THAT(store()->Remove(kSession, "alone"), IsOk());
  EXPECT_THAT(tombstones(), ElementsAre("alone"));
  ASSERT_THAT(store()->RemoveTombstone(kSession), IsOk());
  EXPECT_THAT(tombstones(), IsEmpty());
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  ASSERT_THAT(store()->RemoveTombstone(kSession), IsOk());
  EXPECT_EQ(store()->LoadRecords()->records.size(), 1u);
}

TEST_P(MemoryStoreConformance, EmptyAndLargeBytesComeBackTheSame) {
  const std::string large(3 << 20, '\x5a');
  Commit commit = StepCommit(kSession, 0);
  commit.record.bytes = "";
  commit.record.values = {DigestOf("empty"), DigestOf("large")};
  commit.values = {{DigestOf("empty"), Share("")},
                   {DigestOf("large"), Share(large)}};
  commit.replies = {{0, ""}};
  ASSERT_THAT(ApplyOne(store(), std::move(commit)), IsOk());
  ValueKey key = ValueAt(kSession, 0);
  key.digest = DigestOf("empty");
  EXPECT_THAT(store()->GetValue(key), IsOkAndHolds(""));
  key.digest = DigestOf("large");
  EXPECT_THAT(store()->GetValue(key), IsOkAndHolds(large));
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 0)), IsOkAndHolds(""));
}

TEST_P(MemoryStoreConformance, ADamagedValueOrReplyIsDataLossByName) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 1)), IsOk());
  under_test_->CorruptValue(ValueAt(kSession, 1));
  under_test_->CorruptReply(ReplyAt(kSession, 1));
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 1)),
              StatusIs(StatusCode::kDataLoss,
                       HasSubstr(Describe(ValueAt(kSession, 1)))));
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 1)),
              StatusIs(StatusCode::kDataLoss, HasSubstr("step 1")));
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)), IsOk());
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 0)), IsOk());
}

TEST_P(MemoryStoreConformance, ReloadGivesTheRecordAsItIs) {
  for (const Durability durability : {Durability::kMemory, Durability::kSync}) {
    EXPECT_THAT(store()->Reload({kSession}), StatusIs(StatusCode::kNotFound));
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0, durability)), IsOk());
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 1, durability)), IsOk());
    ASSERT_OK_AND_ASSIGN(const auto reloaded, store()->Reload({kSession}));
    const StoredRecord& record = reloaded.record;
    EXPECT_FALSE(reloaded.moved);
    EXPECT_EQ(record.head, HeadOf(kSession, 1));
    EXPECT_EQ(record.root, RootOf(kSession));
    EXPECT_EQ(record.durability, durability);
    EXPECT_EQ(record.bytes, RecordOf(kSession, 1));
    EXPECT_EQ(record.values.size(), 2u);
    EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 2, durability)), IsOk());
    ASSERT_THAT(store()->Remove(kSession, ""), IsOk());
  }
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  under_test_->CorruptRecord(kSession);
  EXPECT_THAT(store()->Reload({kSession}), StatusIs(StatusCode::kDataLoss));
}

TEST_P(MemoryStoreConformance, WhatIsDamagedCanBeRemoved) {
  const SessionKey whole = Session("whole");
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(whole, 0)), IsOk());
  under_test_->CorruptValue(ValueAt(kSession, 0));
  under_test_->CorruptReply(ReplyAt(kSession, 0));
  ASSERT_THAT(store()->Remove(kSession, ""), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(ApplyOne(store(), StepCommit(whole, 1)), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(whole, 0)),
              IsOkAndHolds(ValueOf(whole, 0)));
}

TEST_P(MemoryStoreConformance, ADamagedRecordIsListedAndKeepsWhatItHolds) {
  const SessionKey whole = Session("whole");
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(whole, 0)), IsOk());
  under_test_->CorruptRecord(kSession);
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  EXPECT_THAT(loaded.corrupt, ElementsAre(kSession));
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(loaded.records[0].session, whole);
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)), IsOk());
}

TEST_P(MemoryStoreConformance, RemovingADamagedRecordTakesWhatItHeld) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  under_test_->CorruptRecord(kSession);
  ASSERT_THAT(store()->Remove(kSession, ""), IsOk());
  EXPECT_THAT(store()->GetValue(ValueAt(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store()->GetReply(ReplyAt(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
}

TEST_P(MemoryStoreConformance, OneOfManyRacingCommitsWins) {
  constexpr int kThreads = 4;
  constexpr int kSteps = 25;
  std::vector<int> wins(kThreads);
  std::vector<std::thread> threads;
  MemoryStore* const shared = store();
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([shared, &wins, t] {
      for (int step = 0; step < kSteps; ++step) {
        const Commit commit = StepCommit(kSession, step, Durability::kAsync);
        if (ApplyOne(shared, commit).ok()) ++wins[t];
        shared->GetValue(ValueAt(kSession, step)).IgnoreError();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  int total = 0;
  for (const int won : wins) total += won;
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  ASSERT_EQ(loaded.records.size(), 1u);
  ASSERT_GE(total, 1);
  EXPECT_EQ(loaded.records[0].head, HeadOf(kSession, total - 1));
}

TEST_P(MemoryStoreConformance, FlushIsOk) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0, Durability::kAsync)),
              IsOk());
  EXPECT_THAT(store()->Flush(), IsOk());
}

}  // namespace

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(MemoryStoreConformance);

}  // namespace mneme
