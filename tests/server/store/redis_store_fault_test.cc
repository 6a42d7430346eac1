// Redis killed, hanging, without replicas, promoted: what is promised holds.

#include <condition_variable>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "server/base/mutex.h"
#include "tests/server/store/redis_store_fixture.h"
#include "tests/testing/fake_clock.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::HasSubstr;

MATCHER(IsStoreDown, "is UNAVAILABLE with reason STORE_DOWN") {
  *result_listener << arg;
  return absl::IsUnavailable(arg) && GetErrorInfo(arg).reason == "STORE_DOWN" &&
         GetErrorInfo(arg).retry_after.has_value();
}

class RedisStoreFaultTest : public RedisStoreTest {
 protected:
  // Calls after a failure come at once, so there is no pause between them.
  RedisStoreFaultTest() { options_.reconnect_pause = absl::ZeroDuration(); }
};

// Sessions that step, and how far each was acknowledged.
class SteppingSessions {
 public:
  explicit SteppingSessions(uint32_t seed) : random_(seed) {}

  // Steps them in random groups until a commit is not acknowledged.
  void Step(RedisStore* store) {
    for (bool ok = true; ok;) {
      std::vector<Commit> group;
      std::vector<int> members;
      for (int i = 0; i < kSessions; ++i) {
        if (random_() % 2 == 0) continue;
        members.push_back(i);
        group.push_back(StepCommit(Name(i), next_[i]));
      }
      const auto statuses = store->Apply(std::move(group));
      MutexLock lock(&mu_);
      for (size_t i = 0; i < members.size(); ++i) {
        ok &= statuses[i].ok();
        if (!statuses[i].ok()) continue;
        ++next_[members[i]];
        ++acknowledged_;
        changed_.notify_all();
      }
    }
  }
  void AwaitMore(int commits) {
    MutexLock lock(&mu_);
    const int wanted = acknowledged_ + commits;
    while (acknowledged_ < wanted) lock.Wait(changed_);
  }
  // Each is where it was acknowledged, or one step further: then it goes on
  // from there.
  void Check(RedisStore* store) {
    for (int i = 0; i < kSessions; ++i) {
      const auto record = store->Acquire(Name(i));
      if (!record.ok()) {
        ASSERT_THAT(record, StatusIs(StatusCode::kNotFound));
        ASSERT_EQ(next_[i], 0);
        continue;
      }
      if (record->head == HeadOf(Name(i), next_[i])) ++next_[i];
      ASSERT_GT(next_[i], 0);
      const int step = next_[i] - 1;
      ASSERT_EQ(record->head, HeadOf(Name(i), step));
      const auto value = store->GetValue(ValueAt(Name(i), step));
      ASSERT_THAT(value, IsOk());
      ASSERT_TRUE(*value == ValueOf(Name(i), step));
      ASSERT_THAT(store->GetReply(ReplyAt(Name(i), step)),
                  IsOkAndHolds(ReplyOf(Name(i), step)));
    }
  }

 private:
  static constexpr int kSessions = 6;
  static SessionKey Name(int i) { return Session(absl::StrCat("s", i)); }

  std::mt19937 random_;
  std::map<int, int> next_;  // by session: the step to commit
  Mutex mu_;
  std::condition_variable changed_;
  int acknowledged_ ABSL_GUARDED_BY(mu_) = 0;
};

TEST_F(RedisStoreFaultTest, AKillOfRedisLosesNothingThatWasAcknowledged) {
  for (uint32_t seed = 1; seed <= 2; ++seed) {
    SCOPED_TRACE(absl::StrCat("seed ", seed));
    server_.Run({"FLUSHALL"});
    SteppingSessions sessions(seed);
    std::mt19937 random(seed);
    const auto store = Open();
    for (int kill = 0; kill < 4; ++kill) {
      std::thread stepper([&] { sessions.Step(store.get()); });
      sessions.AwaitMore(static_cast<int>(5 + random() % 40));
      server_.Kill();
      stepper.join();
      server_.Start();
      // Also of a server that starts now.
      const auto fresh = Open();
      ASSERT_NO_FATAL_FAILURE(sessions.Check(fresh.get()));
      EndLeases();
      ASSERT_NO_FATAL_FAILURE(sessions.Check(store.get()));
    }
  }
}

TEST_F(RedisStoreFaultTest, ADeadRedisIsStoreDownAndAMemorySessionGoesOn) {
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  const SessionKey memory = Session("memory");
  ASSERT_THAT(ApplyOne(store.get(), StepCommit(memory, 0, Durability::kMemory)),
              IsOk());
  server_.Kill();
  EXPECT_THAT(Step(store.get(), 1), IsStoreDown());
  EXPECT_THAT(Step(store.get(), 1, Durability::kAsync), IsStoreDown());
  EXPECT_THAT(store->GetValue(ValueAt(session_, 0)).status(), IsStoreDown());
  EXPECT_THAT(store->GetReply(ReplyAt(session_, 0)).status(), IsStoreDown());
  EXPECT_THAT(store->LoadRecords().status(), IsStoreDown());
  EXPECT_THAT(store->Acquire(session_).status(), IsStoreDown());
  EXPECT_THAT(store->Remove(session_, ""), IsStoreDown());
  EXPECT_THAT(ApplyOne(store.get(), StepCommit(memory, 1, Durability::kMemory)),
              IsOk());
  EXPECT_THAT(store->GetValue(ValueAt(memory, 1)), IsOk());
  server_.Start();
  EXPECT_THAT(Step(store.get(), 1), IsOk());
  EXPECT_THAT(store->GetValue(ValueAt(session_, 1)), IsOk());
}

TEST_F(RedisStoreFaultTest, ANewSessionInDoubtCanBeMadeAgain) {
  const auto store = Open();
  server_.Kill();
  EXPECT_THAT(Step(store.get(), 0), IsStoreDown());
  server_.Start();
  EXPECT_THAT(Step(store.get(), 0), IsOk());
  EXPECT_THAT(Step(store.get(), 1), IsOk());
}

TEST_F(RedisStoreFaultTest, ALateReplyIsStoreDownAndTheRetryFindsTheStep) {
  options_.reply_timeout = absl::Milliseconds(400);
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  server_.Pause();
  EXPECT_THAT(Step(store.get(), 1), IsStoreDown());
  EXPECT_THAT(store->GetValue(ValueAt(session_, 0)).status(), IsStoreDown());
  server_.Continue();
  server_.Run({"PING"});
  options_.reply_timeout = absl::Seconds(5);
  const auto patient = Open();
  ASSERT_OK_AND_ASSIGN(const StoredRecord record, patient->Acquire(session_));
  EXPECT_EQ(record.head, HeadOf(session_, 1));
  EXPECT_THAT(Step(patient.get(), 1), StatusIs(StatusCode::kAborted));
  EXPECT_THAT(Step(patient.get(), 2), IsOk());
}

TEST_F(RedisStoreFaultTest, ALostConnectionIsMadeAgain) {
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  EXPECT_THAT(store->GetValue(ValueAt(session_, 0)), IsOk());
  server_.Run({"CLIENT", "KILL", "TYPE", "normal"});
  EXPECT_THAT(Step(store.get(), 1), IsOk());
  EXPECT_THAT(store->GetValue(ValueAt(session_, 1)), IsOk());
}

TEST_F(RedisStoreFaultTest, ScriptsThatRedisForgotAreLoadedAgain) {
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  server_.Run({"SCRIPT", "FLUSH"});
  EXPECT_THAT(Step(store.get(), 1), IsStoreDown());
  EXPECT_THAT(Step(store.get(), 1), IsOk());
}

TEST_F(RedisStoreFaultTest, AFullRedisIsStoreDownAndChangesNothing) {
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  server_.Run({"CONFIG", "SET", "maxmemory", "1"});
  EXPECT_THAT(Step(store.get(), 1), IsStoreDown());
  EXPECT_EQ(Head(*store), HeadOf(session_, 0));
  server_.Run({"CONFIG", "SET", "maxmemory", "0"});
  EXPECT_THAT(Step(store.get(), 1), IsOk());
}

TEST_F(RedisStoreFaultTest, ADeadRedisIsNotAskedAgainBeforeThePauseIsOver) {
  FakeClock clock;
  options_.clock = &clock;
  options_.reconnect_pause = absl::Seconds(1);
  const auto store = Open();
  ASSERT_THAT(Step(store.get(), 0), IsOk());
  server_.Kill();
  EXPECT_THAT(Step(store.get(), 1), IsStoreDown());  // finds it gone
  EXPECT_THAT(Step(store.get(), 1), IsStoreDown());  // cannot connect
  server_.Start();
  EXPECT_THAT(Step(store.get(), 1),
              AllOf(IsStoreDown(), StatusIs(StatusCode::kUnavailable,
                                            HasSubstr("a moment ago"))));
  clock.Advance(absl::Seconds(1));
  EXPECT_THAT(Step(store.get(), 1), IsOk());
}

class RedisReplicaTest : public RedisStoreFaultTest {
 protected:
  RedisReplicaTest() {
    server_.Listen();
    options_.wait_replicas = 1;
    options_.wait_timeout = absl::Milliseconds(20);  // for one that is not
  }
  // For a replica that is there, and may be slow.
  std::unique_ptr<RedisStore> OpenPatient() {
    options_.wait_timeout = absl::Seconds(50);
    options_.reply_timeout = absl::Seconds(60);
    return Open();
  }
  // Starts a replica and waits for it to have all.
  std::unique_ptr<RedisServer> StartReplica() {
    auto replica = RedisServer::ReplicaOf(server_);
    // WAIT is about what its own connection wrote.
    RedisConnection::Options options;
    options.address = server_.address();
    options.reply_timeout = absl::Seconds(60);
    RedisConnection connection(options);
    const auto replies =
        connection.Run({{"SET", "written", ""}, {"WAIT", "1", "50000"}});
    EXPECT_THAT(replies, IsOk());
    EXPECT_EQ(replies->back().integer, 1);
    return replica;
  }
};

TEST_F(RedisReplicaTest, TooFewReplicasIsStoreDownAndTheRetryFindsTheStep) {
  const auto store = Open();
  EXPECT_THAT(Step(store.get(), 0),
              AllOf(IsStoreDown(), StatusIs(StatusCode::kUnavailable,
                                            HasSubstr("0 replicas"))));
  EXPECT_THAT(Step(store.get(), 0), StatusIs(StatusCode::kAlreadyExists));
  EXPECT_THAT(Step(store.get(), 1), IsStoreDown());
  EXPECT_THAT(Step(store.get(), 1), StatusIs(StatusCode::kAborted));
  // It is not told as durable before it is.
  EXPECT_THAT(store->Acquire(session_).status(), IsStoreDown());
  const auto replica = StartReplica();
  const auto patient = OpenPatient();
  ASSERT_OK_AND_ASSIGN(const StoredRecord record, patient->Acquire(session_));
  EXPECT_EQ(record.head, HeadOf(session_, 1));
  EXPECT_THAT(Step(patient.get(), 2), IsOk());
}

TEST_F(RedisReplicaTest, TooFewReplicasFailTheSyncCommitsOfAGroupOnly) {
  const auto store = Open();
  std::vector<Commit> group;
  group.push_back(StepCommit(Session("a"), 0, Durability::kAsync));
  group.push_back(StepCommit(Session("b"), 0));
  group.push_back(StepCommit(Session("b"), 0));
  EXPECT_THAT(store->Apply(std::move(group)),
              ::testing::ElementsAre(IsOk(), IsStoreDown(),
                                     StatusIs(StatusCode::kAlreadyExists)));
}

TEST_F(RedisReplicaTest, AGroupWaitsOnce) {
  const auto replica = StartReplica();
  const auto store = OpenPatient();
  const int before = server_.CountCalls("wait");
  std::vector<Commit> group;
  for (int i = 0; i < 50; ++i) {
    group.push_back(StepCommit(Session(absl::StrCat("s", i)), 0));
  }
  EXPECT_THAT(store->Apply(std::move(group)), Each(IsOk()));
  EXPECT_EQ(server_.CountCalls("wait") - before, 1);
}

TEST_F(RedisReplicaTest, AsyncCommitsWaitForNobodyButFlushDoes) {
  FakeClock clock;
  options_.clock = &clock;
  options_.wait_timeout = absl::Milliseconds(300);
  const auto store = Open();
  EXPECT_EQ(store->unsynced_since(), std::nullopt);
  ASSERT_THAT(Step(store.get(), 0, Durability::kAsync), IsOk());
  const absl::Duration written = clock.Monotonic();
  clock.Advance(absl::Seconds(1));
  ASSERT_THAT(Step(store.get(), 1, Durability::kAsync), IsOk());
  EXPECT_EQ(store->unsynced_since(), written);
  EXPECT_THAT(store->Flush(), IsStoreDown());
  EXPECT_EQ(store->unsynced_since(), written);
  const auto replica = StartReplica();
  absl::Status flushed = store->Flush();
  for (int i = 0; i < 100 && !flushed.ok(); ++i) flushed = store->Flush();
  EXPECT_THAT(flushed, IsOk());
  EXPECT_EQ(store->unsynced_since(), std::nullopt);
}

TEST_F(RedisReplicaTest, APromotedReplicaHasAllThatItAcknowledged) {
  const auto replica = StartReplica();
  SteppingSessions sessions(7);
  {
    const auto store = OpenPatient();
    std::thread stepper([&] { sessions.Step(store.get()); });
    sessions.AwaitMore(60);
    server_.Kill();
    stepper.join();
  }
  replica->Promote();
  replica->EndLeases();
  options_.address = replica->address();
  options_.wait_replicas = 0;
  const auto store = Open();
  ASSERT_NO_FATAL_FAILURE(sessions.Check(store.get()));
}

TEST_F(RedisReplicaTest, AReplicaTakesNoCommits) {
  const auto replica = StartReplica();
  options_.address = replica->address();
  const auto store = Open();
  EXPECT_THAT(Step(store.get(), 0), IsStoreDown());
  replica->Promote();
  options_.wait_replicas = 0;
  EXPECT_THAT(Step(Open().get(), 0), IsOk());
}

TEST_F(RedisReplicaTest, TheStoreSpeaksTcpToo) {
  options_.address = server_.tcp_address();
  options_.address.database = 3;
  options_.wait_replicas = 0;
  const auto store = Open();
  EXPECT_THAT(Step(store.get(), 0), IsOk());
  EXPECT_EQ(server_.CountKeys(), 0);  // of database 0
  EXPECT_EQ(Head(*store), HeadOf(session_, 0));
}

}  // namespace
}  // namespace mneme
