// Several servers on one Redis: who owns a session, and what is left where one
// died between two commands.

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "server/store/entry_format.h"
#include "server/store/redis_batch.h"
#include "server/store/redis_scripts.h"
#include "server/store/shared_directory.h"
#include "tests/server/store/redis_store_fixture.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kRaw[] = "1";  // a claim that nobody else gets

class RedisOwnershipTest : public RedisStoreTest {
 protected:
  RedisOwnershipTest() : a_(Open()), b_(Open()) {}

  std::string Bytes(const Root& root) {
    return {reinterpret_cast<const char*>(root.data()), root.size()};
  }
  // A creator got as far as this, with the claim kRaw.
  void Reserve(const Root& root) {
    server_.Run({"HSET", keys_.Index(session_), "r", Bytes(root), "g", kRaw});
  }
  // What StepCommit(session_, 0) with another root is.
  Commit FirstCommit(const Root& root) {
    Commit commit = StepCommit(session_, 0);
    commit.record.root = root;
    return commit;
  }
  // The creator of Reserve() goes on.
  absl::Status CommitWithRawClaim(const Root& root) {
    RedisConnection::Options options;
    options.address = server_.address();
    options.hello = RedisScripts::Get().Load();
    RedisConnection connection(options);
    const Commit commit = FirstCommit(root);
    const auto reply = connection.Run(RedisScripts::Get().commit.Call(
        {keys_.Record(session_, root), keys_.Replies(session_, root),
         keys_.Counts(session_.tenant, root),
         keys_.Members(session_.tenant, root),
         keys_.Values(session_.tenant, root),
         keys_.ClosedClaims(session_, root)},
        {session_.session_id, kRaw, "", "1",
         Frame(RecordEntryKey(session_, root),
               EncodeStoredRecord(commit.record)),
         "raw owner", "0", "1", std::string(AsBytes(commit.record.head)),
         "value", "0"}));
    if (!reply.ok()) return reply.status();
    const std::string& word = reply->list[0].text;
    return word == "ok" ? absl::OkStatus() : absl::AbortedError(word);
  }

  const Root root_ = RootOf(Session("this root"));
  const Root other_root_ = RootOf(Session("another root"));
  const std::unique_ptr<RedisStore> a_;
  const std::unique_ptr<RedisStore> b_;
};

TEST_F(RedisOwnershipTest, WhatIsHeldNobodyElseGets) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  for (const absl::Status& refused :
       {b_->Reload({session_}).status(), Step(b_.get(), 1),
        b_->Remove(session_, "")}) {
    EXPECT_THAT(refused,
                StatusIs(StatusCode::kUnavailable, HasSubstr("session 's'")));
    EXPECT_EQ(GetErrorInfo(refused).reason, "NOT_OWNER");
    EXPECT_GT(GetErrorInfo(refused).retry_after, absl::ZeroDuration());
    EXPECT_LE(GetErrorInfo(refused).retry_after, options_.lease);
  }
  EXPECT_THAT(a_->Acquire(session_), IsOk());
  EXPECT_THAT(Step(a_.get(), 1), IsOk());
}

TEST_F(RedisOwnershipTest, AnOwnerThatAcquiresAgainGivesItToWhoAsked) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  ASSERT_EQ(GetErrorInfo(b_->Acquire(session_).status()).reason, "NOT_OWNER");
  EXPECT_EQ(GetErrorInfo(a_->Acquire(session_).status()).reason, "NOT_OWNER");
  ASSERT_THAT(b_->Acquire(session_), IsOk());
  // Not at once to who asks next: that one gets it with the next commit.
  EXPECT_THAT(Step(b_.get(), 1), IsOk());
  EXPECT_THAT(b_->TakeReleased(), ElementsAre(session_));
  EXPECT_THAT(a_->Acquire(session_), IsOk());
}

TEST_F(RedisOwnershipTest, WhatWasSentBeforeAReloadComesTooLate) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  const std::string record = keys_.Record(session_, RootOf(session_));
  const std::string before = server_.Run({"HGET", record, "e"}).text;
  ASSERT_OK_AND_ASSIGN(const auto reloaded, a_->Reload({session_}));
  EXPECT_FALSE(reloaded.moved);
  EXPECT_NE(server_.Run({"HGET", record, "e"}).text, before);
}

TEST_F(RedisOwnershipTest, WhoGetsASessionLearnsWhetherAnotherHadIt) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  server_.EndLeases();
  ASSERT_OK_AND_ASSIGN(auto reloaded, b_->Reload({session_}));
  EXPECT_TRUE(reloaded.moved);
  ASSERT_OK_AND_ASSIGN(reloaded, b_->Reload({session_}));
  EXPECT_FALSE(reloaded.moved);
  EXPECT_LT(reloaded.record.ages->written, absl::Minutes(1));
  server_.EndLeases();
  ASSERT_OK_AND_ASSIGN(reloaded, a_->Reload({session_}));
  EXPECT_TRUE(reloaded.moved);
}

TEST_F(RedisOwnershipTest, WhatIsAskedForIsReleasedWithTheNextCommit) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  EXPECT_THAT(a_->TakeReleased(), IsEmpty());
  ASSERT_EQ(GetErrorInfo(b_->Acquire(session_).status()).reason, "NOT_OWNER");
  ASSERT_THAT(Step(a_.get(), 1), IsOk());
  EXPECT_THAT(a_->TakeReleased(), ElementsAre(session_));
  EXPECT_THAT(a_->TakeReleased(), IsEmpty());
  ASSERT_OK_AND_ASSIGN(const StoredRecord record, b_->Acquire(session_));
  EXPECT_EQ(record.head, HeadOf(session_, 1));
  EXPECT_THAT(Step(b_.get(), 2), IsOk());
  EXPECT_THAT(b_->TakeReleased(), IsEmpty());
  EXPECT_EQ(GetErrorInfo(Step(a_.get(), 2)).reason, "NOT_OWNER");
}

TEST_F(RedisOwnershipTest, TheLeaseOfAnIdleOwnerRunsOut) {
  options_.lease = absl::Milliseconds(1);
  const auto idle = Open();
  ASSERT_THAT(Step(idle.get(), 0), IsOk());
  absl::StatusOr<StoredRecord> record = b_->Acquire(session_);
  while (GetErrorInfo(record.status()).reason == "NOT_OWNER") {
    record = b_->Acquire(session_);
  }
  EXPECT_THAT(record, IsOk());
  EXPECT_EQ(GetErrorInfo(Step(idle.get(), 1)).reason, "NOT_OWNER");
}

TEST_F(RedisOwnershipTest, AnOwnerWhoseLeaseRanOutGoesOnIfNobodyCame) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  server_.EndLeases();
  EXPECT_THAT(Step(a_.get(), 1), IsOk());
  server_.EndLeases();
  ASSERT_THAT(a_->Acquire(session_), IsOk());
  EXPECT_THAT(Step(a_.get(), 2), IsOk());
}

TEST_F(RedisOwnershipTest, WhoAcquiresFencesTheOwnerBefore) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  server_.EndLeases();
  ASSERT_OK_AND_ASSIGN(const StoredRecord record, b_->Acquire(session_));
  EXPECT_EQ(record.head, HeadOf(session_, 0));
  EXPECT_EQ(record.bytes, RecordOf(session_, 0));
  const absl::Status fenced = Step(a_.get(), 1);
  EXPECT_THAT(fenced,
              StatusIs(StatusCode::kUnavailable, HasSubstr("another server")));
  EXPECT_EQ(GetErrorInfo(fenced).reason, "NOT_OWNER");
  EXPECT_EQ(Head(*a_), HeadOf(session_, 0));
  EXPECT_THAT(Step(b_.get(), 1), IsOk());
}

TEST_F(RedisOwnershipTest, AFencedOwnerStaysSoUntilItAcquires) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  server_.EndLeases();
  ASSERT_THAT(b_->Acquire(session_), IsOk());
  EXPECT_THAT(Step(a_.get(), 1), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(Step(a_.get(), 1), StatusIs(StatusCode::kUnavailable));
  EXPECT_EQ(GetErrorInfo(a_->Remove(session_, "")).reason, "NOT_OWNER");
  EXPECT_EQ(Head(*b_), HeadOf(session_, 0));
  server_.EndLeases();
  ASSERT_THAT(a_->Acquire(session_), IsOk());
  EXPECT_THAT(Step(a_.get(), 1), IsOk());
  EXPECT_EQ(GetErrorInfo(Step(b_.get(), 2)).reason, "NOT_OWNER");
}

TEST_F(RedisOwnershipTest, TheFirstCommitOfWhoNeverHadItAcquires) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  server_.EndLeases();
  ASSERT_THAT(Step(b_.get(), 1), IsOk());
  EXPECT_EQ(GetErrorInfo(Step(a_.get(), 2)).reason, "NOT_OWNER");
  EXPECT_THAT(Step(b_.get(), 2), IsOk());
}

TEST_F(RedisOwnershipTest, ReadingAcquiresNothing) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  EXPECT_THAT(b_->LoadRecords(), IsOk());
  EXPECT_THAT(b_->GetValue(ValueAt(session_, 0)), IsOk());
  EXPECT_THAT(b_->GetReply(ReplyAt(session_, 0)), IsOk());
  EXPECT_THAT(Step(a_.get(), 1), IsOk());
}

TEST_F(RedisOwnershipTest, WhoeverLooksSeesASessionOrItsTombstone) {
  for (int i = 0; i < 200; ++i) {
    const SessionKey session = Session(absl::StrCat("s", i));
    ASSERT_THAT(ApplyOne(a_.get(), StepCommit(session, 0)), IsOk());
    std::thread remover(
        [&] { EXPECT_THAT(a_->Remove(session, "tombstone"), IsOk()); });
    for (bool there = true; there;) {
      const auto entry = b_->directory()->LookAt(session);
      there = entry.ok() && entry->record->has_value();
      if (!there) {
        EXPECT_EQ(entry->tombstone, "tombstone") << i;
      }
    }
    remover.join();
  }
}

TEST_F(RedisOwnershipTest, ThereIsNothingToAcquireOfASessionThatIsNot) {
  EXPECT_THAT(a_->Acquire(session_),
              StatusIs(StatusCode::kNotFound, HasSubstr("session 's'")));
  Reserve(root_);
  EXPECT_THAT(a_->Acquire(session_), StatusIs(StatusCode::kNotFound));
}

TEST_F(RedisOwnershipTest, AnIdThatWasRemovedElsewhereIsAnotherSession) {
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  server_.EndLeases();
  ASSERT_THAT(b_->Remove(session_, ""), IsOk());
  EXPECT_THAT(Step(a_.get(), 1), StatusIs(StatusCode::kAborted));
  ASSERT_THAT(ApplyOne(b_.get(), FirstCommit(other_root_)), IsOk());
  EXPECT_THAT(Step(a_.get(), 1), StatusIs(StatusCode::kAborted));
  EXPECT_EQ(GetErrorInfo(a_->Remove(session_, "")).reason, "NOT_OWNER");
  EXPECT_THAT(Step(a_.get(), 0), StatusIs(StatusCode::kAlreadyExists));
}

TEST_F(RedisOwnershipTest, AReservationWithoutARecordIsNoSession) {
  ASSERT_THAT(a_->Remove(session_, "it was here"), IsOk());
  Reserve(root_);
  ASSERT_OK_AND_ASSIGN(const auto loaded, a_->LoadRecords());
  EXPECT_THAT(loaded.records, IsEmpty());
  EXPECT_EQ(loaded.tombstones.size(), 1u);
  EXPECT_THAT(a_->GetReply(ReplyAt(session_, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(ApplyOne(a_.get(), StepCommit(session_, 0, Durability::kMemory)),
              IsOk());
}

// Of the same and of another family.
TEST_F(RedisOwnershipTest, AReservationThatIsTakenOverIsNeverUsedAgain) {
  for (const Root& taker : {root_, other_root_}) {
    Reserve(root_);
    ASSERT_THAT(ApplyOne(a_.get(), FirstCommit(taker)), IsOk());
    EXPECT_THAT(CommitWithRawClaim(root_), StatusIs(StatusCode::kAborted));
    ASSERT_THAT(a_->Remove(session_, ""), IsOk());
    EXPECT_THAT(CommitWithRawClaim(root_),
                StatusIs(StatusCode::kAborted, HasSubstr("closed")));
    EXPECT_THAT(a_->LoadRecords()->records, IsEmpty());
  }
}

TEST_F(RedisOwnershipTest, AReservationThatIsRemovedIsNeverUsedAgain) {
  Reserve(root_);
  ASSERT_THAT(a_->Remove(session_, ""), IsOk());
  EXPECT_THAT(CommitWithRawClaim(root_),
              StatusIs(StatusCode::kAborted, HasSubstr("closed")));
  EXPECT_THAT(Step(a_.get(), 0), IsOk());
}

TEST_F(RedisOwnershipTest, AReservationWithARecordIsASession) {
  Reserve(root_);
  ASSERT_THAT(CommitWithRawClaim(root_), IsOk());
  EXPECT_EQ(Head(*a_), HeadOf(session_, 0));
  EXPECT_THAT(ApplyOne(a_.get(), FirstCommit(other_root_)),
              StatusIs(StatusCode::kAlreadyExists));
}

TEST_F(RedisOwnershipTest, ARemovalThatIsBrokenOffCanBeDoneAgain) {
  // After the tombstone, before the record went.
  ASSERT_THAT(Step(a_.get(), 0), IsOk());
  server_.Run({"HSET", keys_.Index(session_), "t",
               Frame(TombstoneEntryKey(session_), "gone")});
  ASSERT_OK_AND_ASSIGN(auto loaded, b_->LoadRecords());
  EXPECT_EQ(loaded.records.size(), 1u);
  EXPECT_THAT(loaded.tombstones, IsEmpty());
  EXPECT_THAT(Step(a_.get(), 1), IsOk());
  // After the record went, before the reservation did.
  const RedisReply index =
      server_.Run({"HMGET", keys_.Index(session_), "r", "g"});
  ASSERT_THAT(a_->Remove(session_, "gone"), IsOk());
  server_.Run({"HSET", keys_.Index(session_), "r", index.list[0].text, "g",
               index.list[1].text});
  ASSERT_OK_AND_ASSIGN(loaded, b_->LoadRecords());
  EXPECT_THAT(loaded.records, IsEmpty());
  EXPECT_EQ(loaded.tombstones.size(), 1u);
  EXPECT_THAT(a_->Remove(session_, ""), IsOk());
  EXPECT_THAT(b_->LoadRecords()->tombstones, IsEmpty());
  EXPECT_THAT(Step(b_.get(), 0), IsOk());
}

// As where one node of a cluster is down.
TEST_F(RedisOwnershipTest, ASessionThatCannotBeFoundDoesNotHinderOthers) {
  const SessionKey other = Session("other");
  for (const SessionKey& session : {session_, other}) {
    ASSERT_THAT(ApplyOne(a_.get(), StepCommit(session, 0)), IsOk());
  }
  EndLeases();
  server_.Run({"DEL", keys_.Index(other)});
  server_.Run({"SET", keys_.Index(other), "no index"});
  const auto all = b_->ReloadAll({{session_}, {other}});
  ASSERT_EQ(all.size(), 2u);
  EXPECT_THAT(all[0], IsOk());
  EXPECT_THAT(all[1], StatusIs(StatusCode::kFailedPrecondition));
}

TEST_F(RedisOwnershipTest, OneOfManyThatMakeASessionDoes) {
  constexpr int kServers = 4;
  constexpr int kSessions = 20;
  std::vector<std::unique_ptr<RedisStore>> stores;
  for (int i = 0; i < kServers; ++i) stores.push_back(Open());
  std::vector<std::vector<int>> made(kServers, std::vector<int>(kSessions));
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kServers; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kSessions; ++i) {
        Commit commit = StepCommit(Session(absl::StrCat(i)), 0);
        commit.record.root = RootOf(Session(absl::StrCat(t, "|", i)));
        made[t][static_cast<size_t>(i)] =
            ApplyOne(stores[t].get(), std::move(commit)).ok();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  ASSERT_OK_AND_ASSIGN(const auto loaded, a_->LoadRecords());
  for (size_t i = 0; i < kSessions; ++i) {
    int makers = 0;
    for (const auto& of_thread : made) makers += of_thread[i];
    EXPECT_LE(makers, 1);
    const SessionKey session = Session(absl::StrCat(i));
    int records = 0;
    for (const auto& record : loaded.records) {
      records += record.session == session;
    }
    EXPECT_EQ(records, makers);
  }
}

}  // namespace
}  // namespace mneme
