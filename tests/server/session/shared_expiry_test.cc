// Several servers on one Redis: sessions end in time, whichever server had them
// and whether it lives.

#include "server/base/error_info.h"
#include "tests/server/session/shared_fixture.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::IsEmpty;

class SharedExpiryTest : public SharedTest {
 protected:
  static SessionManager::OpenRequest IdleTtl(absl::Duration ttl) {
    SessionManager::OpenRequest request;
    request.idle_ttl = ttl;
    return request;
  }
  static absl::Status AwaitEnd(SharingServer* server, const std::string& id) {
    while (true) {
      const auto info = server->Get(id);
      if (!info.ok()) return info.status();
    }
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
  EXPECT_EQ(GetErrorInfo(AwaitEnd(b.get(), "s")).reason, "SESSION_EXPIRED");
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
  ASSERT_OK(a->Open("s", IdleTtl(absl::Milliseconds(300))));
  const absl::Time end = Clock::Real()->Wall() + absl::Seconds(1);
  while (Clock::Real()->Wall() < end) {
    ASSERT_OK(b->Send("s", std::nullopt, Range(0, 4)));
  }
}

TEST_F(SharedExpiryTest, WhatIsNotUsedLeavesTheServerAndIsFoundAgain) {
  limits_.keep_unused = absl::Milliseconds(50);
  const auto a = Serve();
  const Position start = a->Open("s")->head;
  ASSERT_OK(a->Send("s", start, Range(0, 4)));
  while (a->manager().stats().sessions > 0) continue;
  EXPECT_EQ(a->Get("s")->head.handle.step, 1u);
  const auto reply = a->Send("s", start, Range(0, 8));
  ASSERT_OK(reply);
  EXPECT_EQ(LastSum(reply), Oracle(Range(0, 8)));
}

TEST_F(SharedExpiryTest, TombstonesAreForgottenWithTheRestOfTheSession) {
  limits_.tombstones.keep = absl::Milliseconds(100);
  const auto a = Serve();
  ASSERT_OK(a->Open("s", IdleTtl(absl::Milliseconds(10))));
  absl::Status gone = AwaitEnd(a.get(), "s");
  while (!absl::IsNotFound(gone)) gone = a->Get("s").status();
  while (redis_.Run({"ZCARD", "mneme:{all}due"}).integer > 0) continue;
  EXPECT_EQ(Listed(), 0);
  EXPECT_EQ(redis_.CountKeys(), 0);
}

// Its creator got as far as the claim, and died.
TEST_F(SharedExpiryTest, WhatNobodyMadeIsForgotten) {
  const auto a = Serve();
  redis_.Run(
      {"HSET", "mneme:i:7:default:s", "r", std::string(16, 'r'), "g", "5"});
  redis_.Run({"ZADD", "mneme:{all}l:7:default", "0", "s"});
  redis_.Run({"ZADD", "mneme:{all}due", "1", "mneme:i:7:default:s"});
  while (redis_.Run({"EXISTS", "mneme:i:7:default:s"}).integer > 0) continue;
  while (Listed() > 0) continue;
  EXPECT_OK(a->Open("s"));
}

}  // namespace
}  // namespace mneme
