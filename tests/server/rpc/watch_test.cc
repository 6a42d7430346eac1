// Sessions.Watch, and what Close with `erase` answers.

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/server_fixture.h"
#include "tests/testing/fake_clock.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

// One Watch, read by the test.
class Watcher {
 public:
  Watcher(v1::Sessions::Stub* stub, const std::vector<std::string>& ids,
          const std::string& tenant = "") {
    if (!tenant.empty()) context_.AddMetadata("mneme-tenant", tenant);
    v1::WatchSessionsRequest request;
    for (const std::string& id : ids) request.add_session_ids(id);
    call_ = stub->Watch(&context_, request);
  }
  ~Watcher() {
    context_.TryCancel();
    if (!finished_) Finish();
  }

  // Of kind KIND_UNSPECIFIED: the stream has ended.
  v1::SessionEvent Next() {
    v1::SessionEvent event;
    return call_->Read(&event) ? event : v1::SessionEvent();
  }
  // "READY", or kind and session.
  std::string NextText() {
    const v1::SessionEvent event = Next();
    std::string text = v1::SessionEvent::Kind_Name(event.kind());
    if (!event.session_id().empty()) {
      absl::StrAppend(&text, " ", event.session_id());
    }
    return text;
  }
  void Cancel() { context_.TryCancel(); }
  grpc::Status Finish() {
    finished_ = true;
    v1::SessionEvent event;
    while (call_->Read(&event)) {
    }
    return call_->Finish();
  }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<v1::SessionEvent>> call_;
  bool finished_ = false;
};

class WatchTest : public ServerFixture {
 protected:
  void SetUp() override {
    clock_ = &fake_clock_;
    config_.trust_tenant_header = true;
    Start();
  }
  grpc::Status Close(const std::string& id, bool erase = false,
                     const std::string& tenant = "") {
    grpc::ClientContext context;
    if (!tenant.empty()) context.AddMetadata("mneme-tenant", tenant);
    v1::CloseSessionRequest request;
    request.set_session_id(id);
    request.set_erase(erase);
    return sessions_->Close(&context, request, &closed_);
  }
  grpc::Status OpenAs(const std::string& tenant, const std::string& id) {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", tenant);
    v1::OpenSessionRequest request;
    request.set_session_id(id);
    v1::Session session;
    return sessions_->Open(&context, request, &session);
  }
  void OpenIdle(const std::string& id, int64_t seconds) {
    v1::OpenSessionRequest request;
    request.set_session_id(id);
    request.mutable_idle_ttl()->set_seconds(seconds);
    v1::Session session;
    ASSERT_TRUE(TryOpen(request, &session).ok());
  }

  FakeClock fake_clock_;
  v1::CloseSessionResponse closed_;
};

TEST_F(WatchTest, BeginsWithReadyAndTellsOfEachClose) {
  Watcher watcher(sessions_.get(), {});
  const v1::SessionEvent ready = watcher.Next();
  EXPECT_EQ(ready.kind(), v1::SessionEvent::READY);
  EXPECT_TRUE(ready.has_time());
  Open("a");
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(Request("a", Range(0, 4)), &reply).ok());
  ASSERT_TRUE(Close("a").ok());
  const v1::SessionEvent event = watcher.Next();
  EXPECT_EQ(event.kind(), v1::SessionEvent::CLOSED);
  EXPECT_EQ(event.session_id(), "a");
  EXPECT_EQ(event.reason(), "");
  EXPECT_EQ(event.last().step(), 1);
  EXPECT_EQ(event.last().SerializeAsString(),
            closed_.last().SerializeAsString());
  EXPECT_EQ(event.time().seconds(), absl::ToUnixSeconds(fake_clock_.Wall()));
}

TEST_F(WatchTest, TellsWhyASessionExpired) {
  OpenIdle("a", 10);
  Watcher watcher(sessions_.get(), {"a"});
  EXPECT_EQ(watcher.NextText(), "READY");
  fake_clock_.Advance(absl::Seconds(10));
  const v1::SessionEvent event = watcher.Next();
  EXPECT_EQ(event.kind(), v1::SessionEvent::EXPIRED);
  EXPECT_EQ(event.session_id(), "a");
  EXPECT_EQ(event.reason(), "idle_ttl");
  EXPECT_EQ(event.last().session_id(), "a");
  // Whoever hears of it asks in vain.
  v1::Session session;
  EXPECT_EQ(ErrorOf(TryGet("a", &session)).reason, "SESSION_EXPIRED");
}

TEST_F(WatchTest, TellsOfTheNamedSessionsOnly) {
  Watcher watcher(sessions_.get(), {"b", "c"});
  EXPECT_EQ(watcher.NextText(), "READY");
  for (const char* id : {"a", "b", "c"}) Open(id);
  for (const char* id : {"a", "b", "c"}) ASSERT_TRUE(Close(id).ok());
  EXPECT_EQ(watcher.NextText(), "CLOSED b");
  EXPECT_EQ(watcher.NextText(), "CLOSED c");
}

TEST_F(WatchTest, AnotherTenantsSessionsAreNotTold) {
  Watcher watcher(sessions_.get(), {}, "one");
  EXPECT_EQ(watcher.NextText(), "READY");
  ASSERT_TRUE(OpenAs("two", "a").ok());
  ASSERT_TRUE(OpenAs("one", "b").ok());
  ASSERT_TRUE(Close("a", /*erase=*/false, "two").ok());
  ASSERT_TRUE(Close("b", /*erase=*/false, "one").ok());
  EXPECT_EQ(watcher.NextText(), "CLOSED b");
}

TEST_F(WatchTest, ASlowReaderIsToldThatItMissedSome) {
  Watcher watcher(sessions_.get(), {});
  EXPECT_EQ(watcher.NextText(), "READY");
  // One more than the stream and what carries it hold.
  for (size_t i = 0; i < RpcContext().watch_queue + 3; ++i) {
    Open("a");
    ASSERT_TRUE(Close("a").ok());
  }
  const CallError error = ErrorOf(watcher.Finish());
  EXPECT_EQ(error.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.reason, "WATCH_TOO_SLOW");
  EXPECT_EQ(Rpcs("Sessions.Watch", "RESOURCE_EXHAUSTED"), 1);
}

TEST_F(WatchTest, ADrainEndsIt) {
  Watcher watcher(sessions_.get(), {});
  EXPECT_EQ(watcher.NextText(), "READY");
  EXPECT_THAT(server_->Drain(absl::Seconds(20)), IsOkAndHolds(true));
  const CallError error = ErrorOf(watcher.Finish());
  EXPECT_EQ(error.code, grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(error.reason, "DRAINING");
}

TEST_F(WatchTest, ACancelledOneIsForgotten) {
  {
    Watcher watcher(sessions_.get(), {});
    EXPECT_EQ(watcher.NextText(), "READY");
    watcher.Cancel();
    EXPECT_EQ(watcher.Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  AwaitMetric("mneme_calls", 0);
  EXPECT_EQ(Rpcs("Sessions.Watch", "CANCELLED"), 1);
  Open("a");
  EXPECT_TRUE(Close("a").ok());
}

TEST_F(WatchTest, AnIdThatNoSessionCanHaveIsRefused) {
  Watcher watcher(sessions_.get(), {"a", "b c"});
  EXPECT_THAT(watcher.Finish(), FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                                          HasSubstr("session_ids[1]")));
}

TEST_F(WatchTest, AnErasedSessionIsUnknown) {
  Open("a");
  EXPECT_TRUE(Close("a", /*erase=*/true).ok());
  EXPECT_EQ(closed_.last().session_id(), "a");
  EXPECT_EQ(Close("a", /*erase=*/true).error_code(),
            grpc::StatusCode::NOT_FOUND);
}

TEST_F(WatchTest, AnExpiredSessionCanBeErasedButNotClosed) {
  OpenIdle("a", 10);
  Watcher watcher(sessions_.get(), {"a"});
  EXPECT_EQ(watcher.NextText(), "READY");
  fake_clock_.Advance(absl::Seconds(10));
  EXPECT_EQ(watcher.NextText(), "EXPIRED a");
  EXPECT_EQ(ErrorOf(Close("a")).reason, "SESSION_EXPIRED");
  EXPECT_TRUE(Close("a", /*erase=*/true).ok());
  v1::Session session;
  EXPECT_EQ(TryGet("a", &session).error_code(), grpc::StatusCode::NOT_FOUND);
}

}  // namespace
}  // namespace mneme
