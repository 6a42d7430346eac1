#include "server/store/redis_store.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "tests/server/store/conformance.h"
#include "tests/server/store/redis_store_fixture.h"

namespace mneme {
namespace {

std::vector<SharedDirectory::Note> Notes(
    const std::vector<std::string>& texts) {
  std::vector<SharedDirectory::Note> notes;
  for (const std::string& text : texts) {
    notes.push_back({text, std::nullopt, ""});
  }
  return notes;
}

using ::absl::StatusCode;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class RedisUnderTest : public StoreUnderTest {
 public:
  RedisUnderTest() { Reopen(); }
  MemoryStore* store() override { return store_.get(); }
  void CorruptValue(const ValueKey& key) override {
    server_.FlipField(keys_.Values(key.tenant, key.root),
                      std::string(AsBytes(key.digest)));
  }
  void CorruptReply(const ReplyKey& key) override {
    server_.FlipField(keys_.Replies(key.session, RootOf(key.session)),
                      absl::StrCat(key.step));
  }
  void CorruptRecord(const SessionKey& session) override {
    server_.FlipField(keys_.Record(session, RootOf(session)), "r");
  }
  std::string folder() const override { return server_.folder(); }
  void Reopen() override {
    RedisStore::Options options;
    options.address = server_.address();
    store_.reset();
    server_.EndLeases();
    auto store = RedisStore::Open(options);
    ASSERT_THAT(store, IsOk());
    store_ = *std::move(store);
  }

 private:
  const RedisKeys keys_{"mneme:"};
  RedisServer server_;
  std::unique_ptr<RedisStore> store_;
};

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreConformance,
    ::testing::Values(StoreFactory{
        "Redis", [] { return std::make_unique<RedisUnderTest>(); }}),
    StoreName);

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreForkConformance,
    ::testing::Values(StoreFactory{
        "Redis", [] { return std::make_unique<RedisUnderTest>(); }}),
    StoreName);

INSTANTIATE_TEST_SUITE_P(
    Stores, MemoryStoreEraseConformance,
    ::testing::Values(StoreFactory{
        "Redis", [] { return std::make_unique<RedisUnderTest>(); }}),
    StoreName);

TEST_F(RedisStoreTest, AnotherServerFindsEverythingButMemorySessions) {
  const auto first = Open();
  ASSERT_THAT(Step(first.get(), 0), IsOk());
  ASSERT_THAT(Step(first.get(), 1, Durability::kAsync), IsOk());
  ASSERT_THAT(
      ApplyOne(first.get(), StepCommit(Session("m"), 0, Durability::kMemory)),
      IsOk());
  const auto second = Open();
  EXPECT_THAT(second->GetValue(ValueAt(session_, 1)),
              IsOkAndHolds(ValueOf(session_, 1)));
  EXPECT_THAT(second->GetReply(ReplyAt(session_, 1)),
              IsOkAndHolds(ReplyOf(session_, 1)));
  EXPECT_EQ(Head(*second), HeadOf(session_, 1));
  EXPECT_THAT(Step(second.get(), 2), IsOk());
}

TEST_F(RedisStoreTest, WhatIsLetGoAndRemovedLeavesNoKeysBehind) {
  const auto store = Open();
  for (int step = 0; step < 20; ++step) {
    ASSERT_THAT(Step(store.get(), step), IsOk());
  }
  // Index, record, replies, counts, members, values, and the directory's two.
  EXPECT_EQ(server_.CountKeys(), 8);
  ASSERT_THAT(ApplyOne(store.get(), ForkCommit(session_, 19, Session("fork"))),
              IsOk());
  EXPECT_EQ(server_.CountKeys(), 8 + 2);
  ASSERT_THAT(store->Remove(session_, ""), IsOk());
  ASSERT_THAT(store->Remove(Session("fork"), ""), IsOk());
  EXPECT_EQ(server_.CountKeys(), 0);
}

TEST_F(RedisStoreTest, ARefusedNewSessionIsForgottenByWhoLooksForIt) {
  options_.look_after = absl::Milliseconds(1);
  const auto store = Open();
  EXPECT_THAT(ApplyOne(store.get(), ForkCommit(session_, 0, Session("fork"))),
              StatusIs(StatusCode::kAborted));
  auto due = store->directory()->FindDue(10);
  while (due.ok() && due->empty()) due = store->directory()->FindDue(10);
  ASSERT_THAT(due, IsOk());
  EXPECT_EQ(due->at(0).session, Session("fork"));
  EXPECT_THAT(store->directory()->Forget(due->at(0), ""), IsOk());
  EXPECT_EQ(server_.CountKeys(), 0);
}

TEST_F(RedisStoreTest, NotesAreHeardInOrderByWhoAskedBefore) {
  const auto a = Open();
  const auto b = Open();
  const auto hear = [&](const std::string& after, size_t limit) {
    return b->directory()->Hear(after, limit).value();
  };
  ASSERT_THAT(a->directory()->Tell(Notes({"long ago"})), IsOk());
  const std::string start = hear("", 10).mark;
  EXPECT_THAT(hear(start, 10).notes, IsEmpty());
  ASSERT_THAT(a->directory()->Tell(Notes({"one", "two"})), IsOk());
  ASSERT_THAT(b->directory()->Tell(Notes({"three"})), IsOk());
  const auto first = hear(start, 2);
  EXPECT_THAT(first.notes, ElementsAre("one", "two"));
  const auto rest = hear(first.mark, 2);
  EXPECT_THAT(rest.notes, ElementsAre("three"));
  EXPECT_FALSE(first.missed || rest.missed);
  EXPECT_THAT(hear(rest.mark, 2).notes, IsEmpty());
}

TEST_F(RedisStoreTest, NobodyMissedNotesThatHeHeardBeforeTheyWereForgotten) {
  const auto store = Open();
  SharedDirectory* const directory = store->directory();
  ASSERT_THAT(directory->Tell(Notes({"one"})), IsOk());
  const std::string heard = directory->Hear("", 1)->mark;
  ASSERT_THAT(directory->Tell(Notes({"two"})), IsOk());
  const std::string heard_all = directory->Hear(heard, 9)->mark;
  EXPECT_GT(server_.Run({"TTL", keys_.Notes()}).integer, 0);
  server_.Run({"DEL", keys_.Notes()});  // that time is over
  EXPECT_FALSE(directory->Hear(heard_all, 9)->missed);
  EXPECT_TRUE(directory->Hear(heard, 9)->missed);
  ASSERT_THAT(directory->Tell(Notes({"three"})), IsOk());
  const auto next = directory->Hear(heard_all, 9);
  EXPECT_FALSE(next->missed);
  EXPECT_THAT(next->notes, ElementsAre("three"));
}

TEST_F(RedisStoreTest, ANoteOfASessionThatWasErasedTellsNothing) {
  const auto store = Open();
  SharedDirectory* const directory = store->directory();
  const std::string mark = directory->Hear("", 1)->mark;
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  ASSERT_THAT(store->Remove(session_, "its tombstone"), IsOk());
  const SharedDirectory::Note note = {"of it", session_, "nothing"};
  ASSERT_THAT(directory->Tell({note}), IsOk());
  ASSERT_THAT(store->MarkErase(), IsOk());
  ASSERT_THAT(store->RemoveTombstone(session_), IsOk());
  ASSERT_THAT(directory->Tell({note}), IsOk());
  EXPECT_THAT(directory->Hear(mark, 9)->notes, ElementsAre("of it", "nothing"));
}

TEST_F(RedisStoreTest, TheOldestNotesGoAndWhoWantedThemIsTold) {
  const auto store = Open();
  ASSERT_THAT(store->directory()->Tell(Notes({"first"})), IsOk());
  const std::string mark = store->directory()->Hear("", 1)->mark;
  const std::vector<std::string> many(1000, "note");
  for (int i = 0; i < 15; ++i) {
    ASSERT_THAT(store->directory()->Tell(Notes(many)), IsOk());
  }
  EXPECT_LT(server_.Run({"XLEN", keys_.Notes()}).integer, 11'000);
  EXPECT_TRUE(store->directory()->Hear(mark, 1)->missed);
}

TEST_F(RedisStoreTest, AFamilysKeysShareAHashTag) {
  const Root root = RootOf(session_);
  for (const std::string& key :
       {keys_.Record(session_, root), keys_.Replies(session_, root),
        keys_.Counts("default", root), keys_.Members("default", root),
        keys_.ClosedClaims(session_, root), keys_.Values("default", root),
        keys_.Record(Session("{fork}"), root)}) {
    EXPECT_EQ(
        server_.Run({"CLUSTER", "KEYSLOT", key}).integer,
        server_.Run({"CLUSTER", "KEYSLOT", keys_.Counts("", root)}).integer);
  }
}

TEST_F(RedisStoreTest, ANewSessionTakesTheTombstoneAway) {
  const auto store = Open();
  ASSERT_THAT(store->Remove(session_, "here it lay"), IsOk());
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  ASSERT_THAT(store->Remove(session_, ""), IsOk());
  EXPECT_THAT(Open()->LoadRecords()->tombstones, IsEmpty());
  EXPECT_EQ(server_.CountKeys(), 0);
}

TEST_F(RedisStoreTest, StoresWithOtherPrefixesDoNotMeet) {
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  options_.key_prefix = "m*:";
  const auto other = Open();
  EXPECT_THAT(other->LoadRecords()->records, IsEmpty());
  EXPECT_THAT(Step(other.get(), 0), IsOk());
  EXPECT_EQ(Head(*store), HeadOf(session_, 0));
  EXPECT_EQ(Head(*other), HeadOf(session_, 0));
}

TEST_F(RedisStoreTest, LoadsMoreSessionsThanOnePageOfAScan) {
  const auto store = Open();
  constexpr int kSessions = 1200;
  std::vector<Commit> group;
  for (int i = 0; i < kSessions; ++i) {
    group.push_back(StepCommit(Session(absl::StrCat(i)), 0));
  }
  EXPECT_THAT(store->Apply(std::move(group)), Each(IsOk()));
  EXPECT_EQ(store->LoadRecords()->records.size(), size_t{kSessions});
}

TEST_F(RedisStoreTest, ADamagedRecordIsDataLossForWhoTakesItOver) {
  ASSERT_THAT(Step(Open().get(), 0), IsOk());
  server_.FlipField(keys_.Record(session_, RootOf(session_)), "r");
  const auto store = Open();
  EXPECT_THAT(store->Acquire(session_),
              StatusIs(StatusCode::kDataLoss, HasSubstr("record of")));
  for (int retry = 0; retry < 2; ++retry) {
    const auto other = Open();
    EXPECT_THAT(Step(other.get(), 1),
                StatusIs(StatusCode::kDataLoss, HasSubstr("record of")));
  }
  EXPECT_THAT(Step(Open().get(), 0),
              StatusIs(StatusCode::kDataLoss, HasSubstr("record of")));
}

TEST_F(RedisStoreTest, RemovingADamagedRecordKeepsWhatItsForkHolds) {
  const auto store = Open();
  for (int step = 0; step <= 1; ++step) {
    ASSERT_THAT(Step(store.get(), step), IsOk());
  }
  const SessionKey fork = Session("fork");
  ASSERT_THAT(ApplyOne(store.get(), ForkCommit(session_, 1, fork)), IsOk());
  server_.FlipField(keys_.Record(session_, RootOf(session_)), "r");
  ASSERT_THAT(store->Remove(session_, ""), IsOk());
  EXPECT_THAT(store->GetValue(ValueAt(session_, 0)),
              StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(store->GetValue(ValueAt(session_, 1)), IsOk());
  ASSERT_THAT(store->Remove(fork, ""), IsOk());
  EXPECT_EQ(server_.CountKeys(), 0);
}

TEST_F(RedisStoreTest, AValueThatWasLostIsNotHeldByAnyFurtherCommit) {
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  server_.Run({"DEL", keys_.Counts(session_.tenant, RootOf(session_))});
  EXPECT_THAT(Step(store.get(), 1),
              StatusIs(StatusCode::kDataLoss, HasSubstr("lacks a value")));
  EXPECT_THAT(ApplyOne(store.get(), ForkCommit(session_, 0, Session("fork"))),
              StatusIs(StatusCode::kDataLoss));
}

TEST_F(RedisStoreTest, ADamagedTombstoneIsNoTombstone) {
  const auto store = Open();
  ASSERT_THAT(store->Remove(session_, "here it lay"), IsOk());
  EXPECT_EQ(store->LoadRecords()->tombstones.size(), 1u);
  server_.FlipField(keys_.Index(session_), "t");
  EXPECT_THAT(store->LoadRecords()->tombstones, IsEmpty());
}

TEST_F(RedisStoreTest, AKeyThatIsNotOursIsDataLoss) {
  const auto store = Open();
  server_.Run({"SET", "mneme:i:strange", ""});
  EXPECT_THAT(store->LoadRecords(),
              StatusIs(StatusCode::kDataLoss, HasSubstr("strange")));
}

TEST_F(RedisStoreTest, ARedisThatForgetsIsRefusedByTheSetting) {
  server_.Run({"CONFIG", "SET", "appendfsync", "everysec"});
  EXPECT_THAT(RedisStore::Open(options_),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("appendfsync 'everysec', expected 'always'")));
  server_.Run({"CONFIG", "SET", "appendfsync", "always"});
  server_.Run({"CONFIG", "SET", "maxmemory-policy", "allkeys-lru"});
  EXPECT_THAT(
      RedisStore::Open(options_),
      StatusIs(StatusCode::kFailedPrecondition, HasSubstr("allkeys-lru")));
  server_.Run({"CONFIG", "SET", "maxmemory-policy", "noeviction"});
  server_.Run({"CONFIG", "SET", "appendonly", "no"});
  EXPECT_THAT(RedisStore::Open(options_),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("appendonly 'no', expected 'yes'")));
}

TEST_F(RedisStoreTest, WithoutSyncAnyRedisWillDoForTheRest) {
  server_.Run({"CONFIG", "SET", "appendonly", "no"});
  options_.offer_sync = false;
  const auto store = Open();
  EXPECT_THAT(Step(store.get(), 0),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("sync")));
  EXPECT_THAT(Step(store.get(), 0, Durability::kAsync), IsOk());
}

TEST(RedisStoreOpenTest, ARedisThatDoesNotTellItsSettingsIsRefused) {
  RedisServer server({"--rename-command", "CONFIG", ""});
  RedisStore::Options options;
  options.address = server.address();
  EXPECT_THAT(RedisStore::Open(options),
              StatusIs(StatusCode::kFailedPrecondition,
                       HasSubstr("CONFIG GET appendonly is not allowed")));
  options.offer_sync = false;
  EXPECT_THAT(RedisStore::Open(options), IsOk());
}

TEST(RedisStoreOpenTest, WhereNothingListensIsUnavailable) {
  RedisStore::Options options;
  options.address.unix_socket = "/proc/none/socket";
  const auto store = RedisStore::Open(options);
  EXPECT_THAT(store, StatusIs(StatusCode::kUnavailable, HasSubstr("/proc")));
  EXPECT_EQ(GetErrorInfo(store.status()).reason, "STORE_DOWN");
}

TEST(RedisStoreOpenTest, OptionsAreCheckedByName) {
  const auto status_with = [](auto change) {
    RedisStore::Options options;
    change(&options);
    return RedisStore::Open(options).status();
  };
  EXPECT_THAT(status_with([](auto* o) { o->key_prefix = "{x}"; }),
              StatusIs(StatusCode::kInvalidArgument, HasSubstr("key_prefix")));
  EXPECT_THAT(
      status_with([](auto* o) { o->wait_replicas = -1; }),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("wait_replicas")));
  EXPECT_THAT(
      status_with([](auto* o) { o->connect_timeout = absl::ZeroDuration(); }),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("connect_timeout")));
  EXPECT_THAT(
      status_with([](auto* o) {
        o->wait_replicas = 1;
        o->wait_timeout = o->reply_timeout;
      }),
      StatusIs(StatusCode::kInvalidArgument, HasSubstr("reply_timeout")));
}

}  // namespace
}  // namespace mneme
