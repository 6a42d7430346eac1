// Several servers on one Redis: sessions end in time, whichever server had them
// and whether it lives.

#include "server/base/error_info.h"
#include "tests/server/session/shared_fixture.h"
#include "tests/testing/files_with.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// Of a server whose wall clock is wrong.
class ClockAhead : public Clock {
 public:
  absl::Duration Monotonic() const override {
    return Clock::Real()->Monotonic();
  }
  absl::Time Wall() const override {
    return Clock::Real()->Wall() + absl::Hours(24);
  }
  void WaitUntil(MutexLock& lock, std::condition_variable& cv,
                 absl::Duration deadline) override {
    Clock::Real()->WaitUntil(lock, cv, deadline);
  }
};

class SharedExpiryTest : public SharedTest {
 protected:
  static SessionManager::OpenRequest IdleTtl(absl::Duration ttl) {
    SessionManager::OpenRequest request;
    request.idle_ttl = ttl;
    return request;
  }
  static absl::Status AwaitEnd(SharingServer* server, const std::string& id) {
    absl::Status status;
    Await([&] {
      status = server->Get(id).status();
      return !status.ok() && !absl::IsUnavailable(status);
    });
    return status;
  }
  // Its lease may run out halfway: then it is to be tried again.
  static absl::StatusOr<MemoryHandle> Erase(SharingServer* server,
                                            const std::string& id) {
    absl::StatusOr<MemoryHandle> last;
    Await([&] {
      return !absl::IsUnavailable((last = server->Erase(id)).status());
    });
    return last;
  }
  int Listed() {
    return static_cast<int>(
        redis_.Run({"ZCARD", "mneme:{all}l:7:default"}).integer);
  }
};

TEST_F(SharedExpiryTest, ASessionThatEndsIsExpiredOnAllServers) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s", IdleTtl(absl::Milliseconds(200)))->head;
  const auto reply = b->Send("s", start, Range(0, 8));
  ASSERT_OK(reply);
  for (SharingServer* server : {a.get(), b.get()}) {
    const absl::Status gone = AwaitEnd(server, "s");
    EXPECT_THAT(gone, StatusIs(StatusCode::kFailedPrecondition));
    EXPECT_EQ(GetErrorInfo(gone).reason, "SESSION_EXPIRED");
    EXPECT_EQ(GetErrorInfo(gone).metadata["last"],
              reply->head.handle.ToString());
  }
  EXPECT_THAT(a->List("", 10)->sessions, IsEmpty());
  EXPECT_OK(b->Open("s"));
}

TEST_F(SharedExpiryTest, SessionsOfAServerThatDiedEndToo) {
  auto a = Serve();
  ASSERT_OK(a->Open("s", IdleTtl(absl::Milliseconds(100))));
  a.reset();
  const auto b = Serve();
  const absl::Status gone = AwaitEnd(b.get(), "s");
  EXPECT_EQ(GetErrorInfo(gone).reason, "SESSION_EXPIRED") << gone;
}

// Whatever of its end a Get comes upon.
TEST_F(SharedExpiryTest, NobodyHearsThatASessionThatEndsNeverWas) {
  const auto a = Serve();
  for (int i = 0; i < 50; ++i) {
    const std::string id = absl::StrCat("s", i);
    ASSERT_OK(a->Open(id, IdleTtl(absl::Milliseconds(1))));
    const absl::Status gone = AwaitEnd(a.get(), id);
    EXPECT_EQ(GetErrorInfo(gone).reason, "SESSION_EXPIRED") << gone;
  }
}

TEST_F(SharedExpiryTest, WhatIsErasedLeavesNoTraceNorDoesItsTombstone) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("canary-1")->head;
  const auto reply = a->Send("canary-1", start, Range(0, 8));
  ASSERT_OK(reply);
  EXPECT_THAT(Erase(b.get(), "canary-1"), IsOkAndHolds(reply->head.handle));
  const auto ended = a->Open("canary-2", IdleTtl(absl::Milliseconds(100)));
  ASSERT_OK(ended);
  EXPECT_EQ(GetErrorInfo(AwaitEnd(b.get(), "canary-2")).reason,
            "SESSION_EXPIRED");
  EXPECT_THAT(FilesWith(redis_.folder(), "canary-1"), IsEmpty());
  EXPECT_THAT(FilesWith(redis_.folder(), "canary-2"), Not(IsEmpty()));
  EXPECT_THAT(Erase(b.get(), "canary-2"), IsOkAndHolds(ended->head.handle));
  EXPECT_THAT(FilesWith(redis_.folder(), "canary-2"), IsEmpty());
  EXPECT_THAT(b->Get("canary-2"), StatusIs(StatusCode::kNotFound));
  EXPECT_THAT(Erase(b.get(), "canary-2"), StatusIs(StatusCode::kNotFound));
}

// As on a node of a cluster that is down.
TEST_F(SharedExpiryTest, WhatCannotBeReadDoesNotKeepOthersFromEnding) {
  auto a = Serve();
  for (const char* id : {"s", "lost"}) {
    ASSERT_OK(a->Open(id, IdleTtl(absl::Milliseconds(100))));
  }
  a.reset();
  const std::string index = "mneme:i:7:default:lost";
  redis_.Run({"RENAME", index, "kept"});
  redis_.Run({"SET", index, "nothing that can be looked at"});
  const auto b = Serve();
  EXPECT_EQ(GetErrorInfo(AwaitEnd(b.get(), "s")).reason, "SESSION_EXPIRED");
  EXPECT_THAT(b->Get("lost").status().message(), HasSubstr("WRONGTYPE"));
  EXPECT_THAT(b->List("", 10).status().message(), HasSubstr("WRONGTYPE"));
  redis_.Run({"RENAME", "kept", index});
  EXPECT_OK(b->List("", 10));
}

TEST_F(SharedExpiryTest, ATtlThatWasShortenedCountsThoughItsServerDied) {
  auto a = Serve();
  ASSERT_OK(a->Open("s", IdleTtl(absl::Hours(1))));
  TouchChange change;
  change.idle_ttl = absl::Milliseconds(100);
  ASSERT_OK(a->Touch("s", change));
  a.reset();
  const auto b = Serve();
  EXPECT_EQ(GetErrorInfo(AwaitEnd(b.get(), "s")).reason, "SESSION_EXPIRED");
}

// The server that made it does not know of its use, but must not end it.
TEST_F(SharedExpiryTest, ASessionThatIsUsedElsewhereLives) {
  const auto a = Serve();
  const auto b = Serve();
  ASSERT_OK(a->Open("s", IdleTtl(absl::Seconds(2))));
  const absl::Time end = Clock::Real()->Wall() + absl::Seconds(4);
  while (Clock::Real()->Wall() < end) {
    ASSERT_OK(b->Send("s", std::nullopt, Range(0, 4)));
  }
}

TEST_F(SharedExpiryTest, WhatIsNotUsedLeavesTheServerAndIsFoundAgain) {
  limits_.keep_unused = absl::Milliseconds(50);
  const auto a = Serve();
  const Position start = a->Open("s")->head;
  ASSERT_OK(a->Send("s", start, Range(0, 4)));
  ASSERT_TRUE(Await([&] { return a->manager().stats().sessions == 0; }));
  EXPECT_EQ(a->Get("s")->head.handle.step, 1u);
  const auto reply = a->Send("s", start, Range(0, 8));
  ASSERT_OK(reply);
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 8)));
}

TEST_F(SharedExpiryTest, TombstonesAreForgottenWithTheRestOfTheSession) {
  limits_.tombstones.keep = absl::Milliseconds(100);
  const auto a = Serve();
  ASSERT_OK(a->Open("s", IdleTtl(absl::Milliseconds(10))));
  ASSERT_TRUE(Await([&] { return absl::IsNotFound(a->Get("s").status()); }));
  ASSERT_TRUE(Await([&] {
    return redis_.Run({"ZCARD", "mneme:{all}due"}).integer == 0;
  }));
  EXPECT_EQ(Listed(), 0);
  // What tells those who watch, for a minute.
  redis_.Run({"DEL", "mneme:{all}notes", "mneme:{all}noted"});
  EXPECT_EQ(redis_.CountKeys(), 0);
}

// By the wall clock of this server its record is a day old.
TEST_F(SharedExpiryTest, AServersWallClockEndsNoSession) {
  const auto a = Serve();
  const Position start = a->Open("s", IdleTtl(absl::Hours(1)))->head;
  ASSERT_OK(a->Send("s", start, Range(0, 4)));
  ClockAhead clock;
  SharingServer ahead(options_, limits_, &clock);
  const auto info = ahead.Get("s");
  ASSERT_OK(info);
  EXPECT_GT(info->expires - clock.Wall(), absl::Minutes(50));
  ASSERT_OK(ahead.Send("s", start, Range(0, 8)));
  EXPECT_OK(a->Get("s"));
}

TEST_F(SharedExpiryTest, ATailIsNotLetGo) {
  limits_.keep_unused = absl::Milliseconds(20);
  const auto a = Serve();
  const Position start = a->Open("s")->head;
  const auto tail = a->Send("s", start, Range(0, 3));
  ASSERT_OK(tail);
  ASSERT_OK(a->Open("other"));
  // It is let go when it was not used for as long as "s" was not.
  ASSERT_TRUE(Await([&] { return a->manager().stats().sessions == 1; }));
  const auto reply = a->Send("s", tail->head, Range(3, 1));
  ASSERT_OK(reply);
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 4)));
}

// Uses that write nothing count too, for all servers.
TEST_F(SharedExpiryTest, ATailIsAUse) {
  const auto a = Serve();
  const auto b = Serve();
  const Position start = a->Open("s", IdleTtl(absl::Seconds(2)))->head;
  const absl::Duration end = Clock::Real()->Monotonic() + absl::Seconds(5);
  while (Clock::Real()->Monotonic() < end) {
    // Tokens that the tail has already, which fill no segment.
    ASSERT_OK(a->Send("s", start, Range(0, 2)));
    ASSERT_OK(b->Get("s"));
  }
}

// Its creator got as far as the claim, and died.
TEST_F(SharedExpiryTest, WhatNobodyMadeIsForgotten) {
  const auto a = Serve();
  redis_.Run(
      {"HSET", "mneme:i:7:default:s", "r", std::string(16, 'r'), "g", "5"});
  redis_.Run({"ZADD", "mneme:{all}l:7:default", "0", "s"});
  redis_.Run({"ZADD", "mneme:{all}due", "1", "mneme:i:7:default:s"});
  ASSERT_TRUE(Await([&] {
    return redis_.Run({"EXISTS", "mneme:i:7:default:s"}).integer == 0;
  }));
  ASSERT_TRUE(Await([&] { return Listed() == 0; }));
  EXPECT_OK(a->Open("s"));
}

}  // namespace
}  // namespace mneme
