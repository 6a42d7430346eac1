#include "tests/server/store/conformance.h"

#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
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
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(loaded.records[0].session, kSession);
  EXPECT_EQ(loaded.records[0].head, HeadOf(kSession, 0));
  EXPECT_EQ(loaded.records[0].durability, Durability::kSync);
  EXPECT_EQ(loaded.records[0].record, RecordOf(kSession, 0));
  EXPECT_THAT(loaded.corrupt, IsEmpty());
}

TEST_P(MemoryStoreConformance, UnknownObjectIsNotFoundByName) {
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 7)),
              StatusIs(StatusCode::kNotFound, HasSubstr("value/7")));
}

TEST_P(MemoryStoreConformance, DeletesWhatACommitDeletes) {
  for (int step = 0; step <= 2; ++step) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, step)), IsOk());
  }
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 1)), IsOk());
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 2)), IsOk());
}

TEST_P(MemoryStoreConformance, DeletesComeBeforePuts) {
  Commit commit = StepCommit(kSession, 0);
  commit.deletes.push_back(ValueKey(kSession, 0));
  ASSERT_THAT(ApplyOne(store(), std::move(commit)), IsOk());
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
}

TEST_P(MemoryStoreConformance, PuttingTheSameObjectAgainIsHarmless) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  Commit commit = StepCommit(kSession, 1);
  commit.puts.push_back({ValueKey(kSession, 0), ValueOf(kSession, 0)});
  ASSERT_THAT(ApplyOne(store(), std::move(commit)), IsOk());
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)),
              IsOkAndHolds(ValueOf(kSession, 0)));
}

TEST_P(MemoryStoreConformance,
       AnotherHeadThanExpectedIsAbortedAndChangesNothing) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  EXPECT_THAT(ApplyOne(store(), StepCommit(kSession, 2)),
              StatusIs(StatusCode::kAborted, HasSubstr("session 's'")));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 2)),
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

TEST_P(MemoryStoreConformance, ACommitCannotTouchAnotherSession) {
  Commit put = StepCommit(kSession, 0);
  put.puts.push_back({ValueKey(Session("other"), 0), "x"});
  EXPECT_THAT(ApplyOne(store(), std::move(put)),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("'other'")));
  Commit del = StepCommit(kSession, 0);
  del.deletes.push_back(ValueKey(Session("s", "other tenant"), 0));
  EXPECT_THAT(
      ApplyOne(store(), std::move(del)),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("'other tenant'")));
}

TEST_P(MemoryStoreConformance, AGroupIsAppliedInOrder) {
  std::vector<Commit> group;
  for (int step = 0; step <= 4; ++step) {
    group.push_back(StepCommit(kSession, step));
  }
  EXPECT_THAT(store()->Apply(std::move(group)),
              ElementsAre(IsOk(), IsOk(), IsOk(), IsOk(), IsOk()));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 2)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 4)),
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
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 2)),
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
  ASSERT_THAT(store()->Remove({"a", "b"}), IsOk());
  EXPECT_THAT(store()->GetObject(ValueKey({"a", "b"}, 0)),
              StatusIs(StatusCode::kNotFound));
  for (const SessionKey& session : sessions) {
    if (session == SessionKey{"a", "b"}) continue;
    EXPECT_THAT(store()->GetObject(ValueKey(session, 0)),
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

TEST_P(MemoryStoreConformance, RemoveTakesTheRecordAndEveryObject) {
  for (const Durability durability :
       {Durability::kMemory, Durability::kAsync, Durability::kSync}) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0, durability)), IsOk());
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 1, durability)), IsOk());
    ASSERT_THAT(store()->Remove(kSession), IsOk());
    EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)),
                StatusIs(StatusCode::kNotFound));
    EXPECT_THAT(store()->GetObject(ValueKey(kSession, 1)),
                StatusIs(StatusCode::kNotFound));
    ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
    EXPECT_THAT(loaded.records, IsEmpty());
    EXPECT_THAT(store()->Remove(kSession), IsOk());
  }
}

TEST_P(MemoryStoreConformance, EmptyAndLargeBytesComeBackTheSame) {
  Commit commit = StepCommit(kSession, 0);
  commit.record = "";
  commit.puts = {{{kSession, "empty"}, ""},
                 {{kSession, ""}, "no name"},
                 {{kSession, "large"}, std::string(3 << 20, '\x5a')}};
  ASSERT_THAT(ApplyOne(store(), std::move(commit)), IsOk());
  EXPECT_THAT(store()->GetObject({kSession, "empty"}), IsOkAndHolds(""));
  EXPECT_THAT(store()->GetObject({kSession, ""}), IsOkAndHolds("no name"));
  EXPECT_THAT(store()->GetObject({kSession, "large"}),
              IsOkAndHolds(std::string(3 << 20, '\x5a')));
}

TEST_P(MemoryStoreConformance, ADamagedObjectIsDataLossByName) {
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 1)), IsOk());
  under_test_->CorruptObject(ValueKey(kSession, 1));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 1)),
              StatusIs(StatusCode::kDataLoss, HasSubstr("value/1")));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)), IsOk());
}

TEST_P(MemoryStoreConformance, ADamagedRecordIsListedAndKeepsItsObjects) {
  const SessionKey whole = Session("whole");
  ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, 0)), IsOk());
  ASSERT_THAT(ApplyOne(store(), StepCommit(whole, 0)), IsOk());
  under_test_->CorruptRecord(kSession);
  ASSERT_OK_AND_ASSIGN(const auto loaded, store()->LoadRecords());
  EXPECT_THAT(loaded.corrupt, ElementsAre(kSession));
  ASSERT_EQ(loaded.records.size(), 1u);
  EXPECT_EQ(loaded.records[0].session, whole);
  EXPECT_THAT(store()->CollectOrphans({ValueKey(whole, 0)}), IsOkAndHolds(0));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)), IsOk());
}

TEST_P(MemoryStoreConformance, CollectsObjectsThatNoRecordNames) {
  const SessionKey other = Session("other");
  for (int step = 0; step <= 1; ++step) {
    ASSERT_THAT(ApplyOne(store(), StepCommit(kSession, step)), IsOk());
    ASSERT_THAT(ApplyOne(store(), StepCommit(other, step)), IsOk());
  }
  EXPECT_THAT(
      store()->CollectOrphans({ValueKey(kSession, 1), ValueKey(other, 0),
                               ValueKey(other, 1), ValueKey(other, 9)}),
      IsOkAndHolds(1));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store()->GetObject(ValueKey(kSession, 1)), IsOk());
  EXPECT_THAT(store()->GetObject(ValueKey(other, 0)), IsOk());
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
        shared->GetObject(ValueKey(kSession, step)).IgnoreError();
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
