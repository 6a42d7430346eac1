// What MarkErase, Remove and Scrub leave in the files of a Redis.

#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/server/store/erase_testing.h"
#include "tests/server/store/redis_store_fixture.h"
#include "tests/testing/eventually.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// What is special to Redis; the rest is in conformance_erase.cc.
class RedisEraseTest : public RedisStoreTest, protected EraseTesting {
 protected:
  RedisEraseTest() : store_(Open()) {}
  MemoryStore* erased_store() override { return store_.get(); }
  std::string folder() const override { return server_.folder(); }

  // From now on Redis takes its time to write files, and is at it.
  void WriteFilesSlowly(const std::string& command) {
    server_.Run({"CONFIG", "SET", "rdb-key-save-delay", "30000"});
    server_.Run({command});
  }

  std::unique_ptr<RedisStore> store_;
};

TEST_F(RedisEraseTest, ARemovalAloneRewritesNothing) {
  Fill(canary_, 2);
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  ASSERT_THAT(store_->Scrub(), IsOk());
  EXPECT_EQ(server_.CountCalls("bgrewriteaof"), 0);
}

TEST_F(RedisEraseTest, NeitherTheLogNorTheSnapshotHasAnythingOfIt) {
  Fill(session_, 5);
  Fill(canary_, 8);
  server_.Run({"SAVE"});
  EXPECT_EQ(FilesWith(mark_).size(), 2u);  // the log and the snapshot
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  EXPECT_THAT(FilesWith("#5:"), Not(IsEmpty()));
  ExpectReadable(session_, 5);
  server_.Kill();
  server_.Start();
  ExpectReadable(session_, 5);
  EXPECT_THAT(store_->GetValue(ValueAt(canary_, 8)),
              StatusIs(StatusCode::kNotFound));
}

TEST_F(RedisEraseTest, WhatIsErasedAlreadyCostsNothing) {
  Fill(canary_, 2);
  ASSERT_THAT(Erase(canary_), IsOk());
  ASSERT_THAT(store_->Scrub(), IsOk());
  EXPECT_EQ(server_.CountCalls("bgrewriteaof"), 1);
}

TEST_F(RedisEraseTest, ASessionOfTheIdOfATombstoneStays) {
  Fill(canary_, 2);
  ASSERT_THAT(store_->Remove(canary_, "tombstone"), IsOk());
  Fill(canary_, 1);
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->RemoveTombstone(canary_), IsOk());
  ASSERT_THAT(store_->Scrub(), IsOk());
  ExpectReadable(canary_, 1);
  EXPECT_THAT(store_->directory()->List(canary_.tenant, "", 10),
              IsOkAndHolds(::testing::ElementsAre(canary_.session_id)));
}

// Who removed it died before it took the id back.
TEST_F(RedisEraseTest, WhatARemovalThatWasBrokenOffLeftGoesToo) {
  Fill(canary_, 2);
  const std::string index = keys_.Index(canary_);
  const std::string root = server_.Run({"HGET", index, "r"}).text;
  const std::string claim = server_.Run({"HGET", index, "g"}).text;
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  server_.Run({"HSET", index, "r", root, "g", claim});
  server_.Run({"ZADD", keys_.Sessions(canary_.tenant), "0", mark_});
  server_.Run({"ZADD", keys_.Due(), "1", index});
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->RemoveTombstone(canary_), IsOk());
  ASSERT_THAT(store_->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  // Its maker's claim is worth nothing any more, but a new one is.
  EXPECT_THAT(ApplyOne(store_.get(), StepCommit(canary_, 0)), IsOk());
}

TEST_F(RedisEraseTest, AScrubIsDueThoughOthersTookItsMarkAway) {
  Fill(canary_, 2);
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  server_.Run({"DEL", keys_.EraseMarks()});
  ASSERT_THAT(store_->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

TEST_F(RedisEraseTest, AnyServerMakesUpForOneThatDied) {
  Fill(canary_, 2);
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  store_.reset();
  ASSERT_THAT(Open()->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

TEST_F(RedisEraseTest, ARewriteThatBeganBeforeDoesNotCount) {
  Fill(canary_, 2);
  Fill(session_, 2);
  WriteFilesSlowly("BGREWRITEAOF");
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  ExpectReadable(session_, 2);
}

TEST_F(RedisEraseTest, ASnapshotThatBeganBeforeDoesNotCount) {
  Fill(canary_, 2);
  Fill(session_, 2);
  WriteFilesSlowly("BGSAVE");
  ASSERT_THAT(Erase(canary_), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  ExpectReadable(session_, 2);
}

TEST_F(RedisEraseTest, CommitsGoOnMeanwhile) {
  Fill(canary_, 2);
  Fill(session_, 0);
  WriteFilesSlowly("BGREWRITEAOF");
  std::thread eraser([this] { EXPECT_THAT(Erase(canary_), IsOk()); });
  EXPECT_TRUE(Eventually([this] {
    return store_->Acquire(canary_).status().code() == StatusCode::kNotFound;
  }));
  for (int step = 1; step <= 20; ++step) {
    EXPECT_THAT(Step(store_.get(), step), IsOk());
  }
  EXPECT_THAT(FilesWith(mark_), Not(IsEmpty()));  // it is not done yet
  eraser.join();
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
  ExpectReadable(session_, 20);
}

TEST_F(RedisEraseTest, AfterAFailureItCanBeDoneAgain) {
  Fill(canary_, 2);
  ASSERT_THAT(store_->MarkErase(), IsOk());
  ASSERT_THAT(store_->Remove(canary_, ""), IsOk());
  server_.Kill();
  EXPECT_THAT(store_->Scrub(), StatusIs(StatusCode::kUnavailable));
  server_.Start();
  EXPECT_TRUE(Eventually([this] { return store_->Scrub().ok(); }));
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

TEST_F(RedisEraseTest, WithReplicasItIsRefusedAndTheSessionStays) {
  Fill(canary_, 2);
  server_.Listen();
  const auto replica = RedisServer::ReplicaOf(server_);
  absl::Status refused;
  EXPECT_TRUE(
      Eventually([&] { return !(refused = store_->MarkErase()).ok(); }));
  EXPECT_THAT(refused,
              StatusIs(StatusCode::kUnimplemented, HasSubstr("1 replicas")));
  ExpectReadable(canary_, 2);
}

TEST_F(RedisEraseTest, WithoutTheCommandsItIsRefusedAndTheSessionStays) {
  for (const char* missing : {"BGREWRITEAOF", "BGSAVE"}) {
    RedisServer strict({"--rename-command", missing, ""});
    options_.address = strict.address();
    const auto store = Open();
    ASSERT_THAT(ApplyOne(store.get(), StepCommit(canary_, 0)), IsOk());
    EXPECT_THAT(Erase(store.get(), canary_),
                StatusIs(StatusCode::kUnimplemented, HasSubstr(missing)));
    EXPECT_THAT(store->GetValue(ValueAt(canary_, 0)), IsOk());
  }
}

TEST_F(RedisEraseTest, WhereTheyAreNotAllowedTheScrubSaysSo) {
  Fill(canary_, 2);
  server_.Run({"ACL", "SETUSER", "default", "-bgrewriteaof"});
  EXPECT_THAT(Erase(canary_),
              StatusIs(StatusCode::kFailedPrecondition, HasSubstr("NOPERM")));
  server_.Run({"ACL", "SETUSER", "default", "+bgrewriteaof"});
  EXPECT_THAT(store_->Scrub(), IsOk());
  EXPECT_THAT(FilesWith(mark_), IsEmpty());
}

TEST_F(RedisEraseTest, WhereReplicasAreAskedForItIsRefusedThoughTheyAreAway) {
  options_.wait_replicas = 1;
  options_.wait_timeout = absl::Milliseconds(1);
  EXPECT_THAT(Open()->MarkErase(), StatusIs(StatusCode::kUnimplemented,
                                            HasSubstr("--redis-replicas")));
}

TEST_F(RedisEraseTest, BehindAProxyItIsRefused) {
  options_.offer_sync = false;
  options_.proxy = true;
  const auto store = Open();
  EXPECT_THAT(store->MarkErase(),
              StatusIs(StatusCode::kUnimplemented, HasSubstr("--redis-proxy")));
  EXPECT_THAT(store->Scrub(), IsOk());
}

}  // namespace
}  // namespace mneme
