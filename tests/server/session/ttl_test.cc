// Sessions that end by themselves.

#include <thread>

#include "server/base/error_info.h"
#include "tests/server/session/session_fixture.h"
#include "tests/server/store/gated_store.h"

namespace mneme {
namespace {

using ::absl::StatusCode;

class TtlTest : public SessionFixture {
 protected:
  static SessionManager::OpenRequest Ttl(
      std::optional<absl::Duration> idle,
      std::optional<absl::Duration> max_age = std::nullopt) {
    SessionManager::OpenRequest request;
    request.idle_ttl = idle;
    request.max_age = max_age;
    return request;
  }
  void OpenWith(const std::string& id,
                const SessionManager::OpenRequest& request) {
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Open(Key(id), request, info.Setter());
    ASSERT_OK(info.Get());
  }
  void Apply(const std::string& id, int32_t first) {
    ASSERT_OK(Send(id, Request(At(id), Range(first, 4))).Get());
  }
  // What is said of the session once it has ended.
  absl::Status End(const std::string& id) {
    while (true) {
      absl::Status status = manager_->Get(Key(id)).status();
      if (!status.ok()) return status;
      std::this_thread::yield();
    }
  }
  void AwaitEnd(const std::string& id) {
    EXPECT_EQ(GetErrorInfo(End(id)).reason, "SESSION_EXPIRED");
  }
  // The same of a session whose last call may still be about to end, which is a
  // use, after its answer.
  absl::Status AdvanceToEnd(const std::string& id) {
    while (true) {
      absl::Status status = manager_->Get(Key(id)).status();
      if (!status.ok()) return status;
      clock_.Advance(absl::Seconds(1));
    }
  }
};

TEST_F(TtlTest, AnIdleSessionEndsAndIsRememberedWithItsLastHandle) {
  OpenWith("s", Ttl(absl::Seconds(10)));
  Apply("s", 0);
  const MemoryHandle last = At("s").handle;
  const absl::Status status = AdvanceToEnd("s");
  EXPECT_THAT(status, StatusIs(StatusCode::kFailedPrecondition));
  const ErrorInfo info = GetErrorInfo(status);
  EXPECT_EQ(info.reason, "SESSION_EXPIRED");
  EXPECT_EQ(info.metadata.at("last"), last.ToString());
  EXPECT_EQ(info.metadata.at("reason"), "idle_ttl");
  EXPECT_THAT(Send("s", Request({}, {1})).Get(),
              StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_THAT(Close("s"), StatusIs(StatusCode::kFailedPrecondition));
  EXPECT_TRUE(store_->LoadRecords()->records.empty());
  Restart();
  EXPECT_EQ(GetErrorInfo(manager_->Get(Key("s")).status()).reason,
            "SESSION_EXPIRED");
}

TEST_F(TtlTest, AUseBeginsTheIdleTimeAnew) {
  OpenWith("s", Ttl(absl::Seconds(10)));
  OpenWith("unused", Ttl(absl::Seconds(10)));
  clock_.Advance(absl::Seconds(6));
  Apply("s", 0);
  clock_.Advance(absl::Seconds(6));
  AwaitEnd("unused");
  EXPECT_OK(manager_->Get(Key("s")));
  EXPECT_EQ(GetErrorInfo(AdvanceToEnd("s")).reason, "SESSION_EXPIRED");
}

TEST_F(TtlTest, NoUseHelpsAgainstTheMaximumAge) {
  OpenWith("s", Ttl(std::nullopt, absl::Seconds(10)));
  clock_.Advance(absl::Seconds(9));
  Apply("s", 0);
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(GetErrorInfo(End("s")).metadata.at("reason"), "max_age");
}

TEST_F(TtlTest, ASessionIsNotIdleWhileItsSegmentRuns) {
  OpenWith("s", Ttl(absl::Seconds(10)));
  OpenWith("unused", Ttl(absl::Seconds(10)));
  model_.Hold();
  const Reply reply = Send("s", Request(At("s"), Range(0, 4)));
  model_.AwaitHeld();
  clock_.Advance(absl::Seconds(30));
  AwaitEnd("unused");
  model_.Release();
  ASSERT_OK(reply.Get());
  EXPECT_OK(manager_->Get(Key("s")));
  EXPECT_EQ(GetErrorInfo(AdvanceToEnd("s")).reason, "SESSION_EXPIRED");
}

TEST_F(TtlTest, TouchKeepsASessionAliveAndSetsItsTtls) {
  OpenWith("s", Ttl(absl::Seconds(10)));
  OpenWith("unused", Ttl(absl::Seconds(12)));
  clock_.Advance(absl::Seconds(6));
  TouchChange change;
  change.idle_ttl = absl::Seconds(100);
  Pending<absl::StatusOr<SessionInfo>> touched;
  manager_->Touch(Key("s"), std::make_shared<Cursor>(), change,
                  touched.Setter());
  ASSERT_OK(touched.Get());
  EXPECT_EQ(touched.Get()->ttl.idle, absl::Seconds(100));
  EXPECT_EQ(touched.Get()->expires, clock_.Wall() + absl::Seconds(100));
  clock_.Advance(absl::Seconds(99));
  AwaitEnd("unused");
  EXPECT_OK(manager_->Get(Key("s")));
  EXPECT_EQ(GetErrorInfo(AdvanceToEnd("s")).reason, "SESSION_EXPIRED");
}

TEST_F(TtlTest, DownTimeCounts) {
  OpenWith("s", Ttl(absl::Seconds(10)));
  OpenWith("old", Ttl(std::nullopt, absl::Seconds(15)));
  OpenWith("forever", Ttl(std::nullopt));
  Stop();
  clock_.Advance(absl::Seconds(9));
  Start();
  EXPECT_OK(manager_->Get(Key("s")));
  clock_.Advance(absl::Seconds(1));
  AwaitEnd("s");
  Stop();
  clock_.Advance(absl::Seconds(30));
  Start();
  EXPECT_EQ(GetErrorInfo(End("old")).metadata.at("reason"), "max_age");
  EXPECT_OK(manager_->Get(Key("forever")));
}

TEST_F(TtlTest, TheServersTtlIsForSessionsWithoutOne) {
  limits_.ttl.idle = absl::Seconds(10);
  Restart();
  ASSERT_OK(Open("s"));
  OpenWith("longer", Ttl(absl::Seconds(20)));
  clock_.Advance(absl::Seconds(10));
  AwaitEnd("s");
  EXPECT_OK(manager_->Get(Key("longer")));
}

TEST_F(TtlTest, AForkLivesByItsOwnClock) {
  OpenWith("s", Ttl(absl::Seconds(10), absl::Seconds(20)));
  Apply("s", 0);
  clock_.Advance(absl::Seconds(6));
  Pending<absl::StatusOr<SessionInfo>> fork;
  manager_->Fork(Key("s"), std::make_shared<Cursor>(), std::nullopt, "f",
                 fork.Setter());
  ASSERT_OK(fork.Get());
  clock_.Advance(absl::Seconds(9));
  Apply("f", 4);
  clock_.Advance(absl::Seconds(5));  // the parent is 20 s old, the fork 14
  AwaitEnd("s");
  EXPECT_OK(manager_->Get(Key("f")));
  clock_.Advance(absl::Seconds(6));
  AwaitEnd("f");
}

TEST_F(TtlTest, TheIdOfAnEndedSessionCanBeUsedAgain) {
  OpenWith("s", Ttl(absl::Seconds(10)));
  clock_.Advance(absl::Seconds(10));
  AwaitEnd("s");
  ASSERT_OK(Open("s"));
  EXPECT_OK(manager_->Get(Key("s")));
  ASSERT_OK(Close("s"));
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(StatusCode::kNotFound));
  Restart();
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(StatusCode::kNotFound));
}

TEST_F(TtlTest, ATombstoneIsForgottenAfterItsTime) {
  limits_.tombstones.keep = absl::Hours(1);
  Restart();
  OpenWith("s", Ttl(absl::Seconds(10)));
  clock_.Advance(absl::Seconds(10));
  AwaitEnd("s");
  clock_.Advance(absl::Hours(1));
  Restart();
  EXPECT_THAT(manager_->Get(Key("s")), StatusIs(StatusCode::kNotFound));
  ASSERT_OK(writer_->Flush());
  EXPECT_TRUE(store_->LoadRecords()->tombstones.empty());
}

TEST_F(TtlTest, AStoreThatFailsKeepsTheSession) {
  auto store = std::make_unique<GatedStore>();
  GatedStore* const gated = store.get();
  UseStore(std::move(store));
  OpenWith("s", Ttl(absl::Seconds(10)));
  gated->FailRemovesWith(absl::UnavailableError("no disk"));
  clock_.Advance(absl::Seconds(10));
  gated->AwaitCall("remove s");
  gated->FailRemovesWith(absl::OkStatus());
  ASSERT_OK(writer_->Flush());
  clock_.Advance(absl::Seconds(1));
  AwaitEnd("s");
}

}  // namespace
}  // namespace mneme
