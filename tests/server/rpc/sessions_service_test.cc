#include "server/rpc/sessions_service.h"

#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class SessionsServiceTest : public ServerFixture {
 protected:
  void SetUp() override {
    config_.trust_tenant_header = true;
    more_models_.push_back(std::make_unique<FakeModel>(8, "other"));
    Start();
  }

  std::vector<std::string> ListIds(v1::ListSessionsRequest request,
                                   std::string* next = nullptr,
                                   const std::string& tenant = "default") {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", tenant);
    v1::ListSessionsResponse reply;
    const grpc::Status status = sessions_->List(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    if (next != nullptr) *next = reply.next_page_token();
    std::vector<std::string> ids;
    for (const auto& session : reply.sessions()) {
      ids.push_back(session.session_id());
    }
    return ids;
  }

  grpc::Status Close(const std::string& id, v1::CloseSessionResponse* reply) {
    grpc::ClientContext context;
    v1::CloseSessionRequest request;
    request.set_session_id(id);
    return sessions_->Close(&context, request, reply);
  }

  grpc::Status Fork(const v1::ForkSessionRequest& request, v1::Session* reply,
                    const std::string& tenant = "default") {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", tenant);
    return sessions_->Fork(&context, request, reply);
  }
  grpc::Status Touch(const v1::TouchSessionRequest& request,
                     v1::Session* reply) {
    grpc::ClientContext context;
    return sessions_->Touch(&context, request, reply);
  }
  grpc::Status Rollback(const v1::RollbackSessionRequest& request,
                        v1::Session* reply,
                        const std::string& tenant = "default") {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", tenant);
    return sessions_->Rollback(&context, request, reply);
  }
};

TEST_F(SessionsServiceTest, OpenMakesASessionAtItsInitialMemory) {
  v1::OpenSessionRequest request;
  request.set_session_id("a");
  request.set_model("fake");
  request.set_memory_policy(v1::RESET);
  request.set_durability(v1::MEMORY);
  v1::Session session;
  ASSERT_TRUE(TryOpen(request, &session).ok());
  EXPECT_EQ(session.session_id(), "a");
  EXPECT_EQ(session.model(), "fake");
  EXPECT_EQ(session.memory_policy(), v1::RESET);
  EXPECT_EQ(session.durability(), v1::MEMORY);
  EXPECT_EQ(session.head().step(), 0);
  EXPECT_EQ(session.head().digest().size(), 32);
  EXPECT_EQ(session.fingerprint().size(), 32);
  EXPECT_EQ(session.memory_bytes(), 8);
  EXPECT_GT(session.created().seconds(), 0);
  EXPECT_EQ(Get("a").SerializeAsString(), session.SerializeAsString());
}

TEST_F(SessionsServiceTest, UnspecifiedMeansCarryAndTheServersDurability) {
  const v1::Session session = Open("a");
  EXPECT_EQ(session.memory_policy(), v1::CARRY);
  EXPECT_EQ(session.durability(), v1::SYNC);
}

TEST_F(SessionsServiceTest, ATtlIsAtLeastAMicrosecond) {
  v1::OpenSessionRequest request;
  request.set_session_id("a");
  request.set_model("fake");
  request.mutable_idle_ttl()->set_nanos(1);
  request.mutable_max_age()->set_seconds(3600);
  v1::Session session;
  const grpc::Status opened = TryOpen(request, &session);
  ASSERT_TRUE(opened.ok()) << opened.error_message();
  EXPECT_EQ(session.idle_ttl().nanos(), 1000);
  EXPECT_EQ(session.max_age().seconds(), 3600);
}

TEST_F(SessionsServiceTest, ListsThoseWhoseIdsBeginSo) {
  for (const char* id : {"a", "b-1", "b-2", "c"}) Open(id);
  v1::ListSessionsRequest request;
  request.set_session_id_prefix("b-");
  std::string next;
  EXPECT_THAT(ListIds(request, &next), ElementsAre("b-1", "b-2"));
  EXPECT_THAT(next, IsEmpty());
  request.set_session_id_prefix("b/");
  grpc::ClientContext context;
  v1::ListSessionsResponse reply;
  EXPECT_THAT(sessions_->List(&context, request, &reply),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        HasSubstr("session_id_prefix")));
}

TEST_F(SessionsServiceTest, OpeningAnIdTwiceIsRefused) {
  Open("a");
  v1::OpenSessionRequest request;
  request.set_session_id("a");
  request.set_model("fake");
  v1::Session session;
  EXPECT_THAT(TryOpen(request, &session),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, HasSubstr("'a'")));
}

TEST_F(SessionsServiceTest, ListsByIdInPages) {
  for (const char* id : {"c", "a", "e", "b", "d"}) Open(id);
  v1::ListSessionsRequest request;
  request.set_page_size(2);
  std::string next;
  EXPECT_THAT(ListIds(request, &next), ElementsAre("a", "b"));
  request.set_page_token(next);
  EXPECT_THAT(ListIds(request, &next), ElementsAre("c", "d"));
  request.set_page_token(next);
  EXPECT_THAT(ListIds(request, &next), ElementsAre("e"));
  EXPECT_THAT(next, IsEmpty());
}

TEST_F(SessionsServiceTest, AFullLastPageHasNoNext) {
  for (const char* id : {"a", "b"}) Open(id);
  v1::ListSessionsRequest request;
  request.set_page_size(2);
  std::string next;
  EXPECT_THAT(ListIds(request, &next), ElementsAre("a", "b"));
  EXPECT_THAT(next, IsEmpty());
}

TEST_F(SessionsServiceTest, ListsOnlyTheModelAskedFor) {
  Open("a");
  Open("b", "other");
  v1::ListSessionsRequest request;
  request.set_model("other");
  EXPECT_THAT(ListIds(request), ElementsAre("b"));
}

TEST_F(SessionsServiceTest, AnotherTenantsSessionIsNotFound) {
  Open("a");
  grpc::ClientContext context;
  context.AddMetadata("mneme-tenant", "acme");
  v1::GetSessionRequest request;
  request.set_session_id("a");
  v1::Session session;
  EXPECT_THAT(sessions_->Get(&context, request, &session),
              FailsWith(grpc::StatusCode::NOT_FOUND, HasSubstr("session_id")));
  EXPECT_THAT(ListIds({}, nullptr, "acme"), IsEmpty());
  EXPECT_THAT(ListIds({}), ElementsAre("a"));
}

TEST_F(SessionsServiceTest, CloseGivesTheLastHandleAndForgets) {
  Open("a");
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(Request("a", Range(0, 4)), &reply).ok());
  v1::CloseSessionResponse closed;
  ASSERT_TRUE(Close("a", &closed).ok());
  EXPECT_EQ(closed.last().SerializeAsString(),
            reply.head().SerializeAsString());
  v1::Session session;
  EXPECT_THAT(TryGet("a", &session),
              FailsWith(grpc::StatusCode::NOT_FOUND, HasSubstr("'a'")));
  EXPECT_THAT(Close("a", &closed),
              FailsWith(grpc::StatusCode::NOT_FOUND, HasSubstr("'a'")));
}

TEST_F(SessionsServiceTest, RollbackGivesTheSessionAtThatValue) {
  const v1::Session opened = Open("a");
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(Request("a", Range(0, 8)), &reply).ok());
  v1::RollbackSessionRequest request;
  request.set_session_id("a");
  *request.mutable_to() = reply.segments(0).result().handle();
  *request.mutable_expected_head() = reply.head();
  v1::Session session;
  ASSERT_TRUE(Rollback(request, &session).ok());
  EXPECT_EQ(session.head().SerializeAsString(),
            request.to().SerializeAsString());
  EXPECT_EQ(session.retained_size(), 2);
  ASSERT_TRUE(Process(Request("a", Range(9, 4)), &reply).ok());
  EXPECT_EQ(reply.head().step(), 2);
  EXPECT_EQ(Rpcs("Sessions.Rollback", "OK"), 1);
}

TEST_F(SessionsServiceTest, RollbackRefusesBadHandlesByField) {
  const v1::Session opened = Open("a");
  v1::RollbackSessionRequest request;
  request.set_session_id("a");
  v1::Session session;
  const auto invalid = grpc::StatusCode::INVALID_ARGUMENT;
  EXPECT_THAT(Rollback(request, &session),
              FailsWith(invalid, HasSubstr("to: missing")));
  *request.mutable_to() = opened.head();
  request.mutable_to()->set_digest("short");
  EXPECT_THAT(Rollback(request, &session),
              FailsWith(invalid, HasSubstr("to.digest")));
  *request.mutable_to() = opened.head();
  request.mutable_expected_head()->set_session_id("b");
  EXPECT_THAT(Rollback(request, &session),
              FailsWith(invalid, HasSubstr("expected_head.session_id")));
  request.clear_expected_head();
  EXPECT_THAT(Rollback(request, &session, "acme"),
              FailsWith(grpc::StatusCode::NOT_FOUND, HasSubstr("session_id")));
  EXPECT_TRUE(Rollback(request, &session).ok());
}

TEST_F(SessionsServiceTest, ForkGivesTheNewSession) {
  Open("a");
  v1::SegmentReply reply;
  ASSERT_TRUE(Process(Request("a", Range(0, 8)), &reply).ok());
  v1::ForkSessionRequest request;
  request.set_session_id("a");
  request.set_fork_id("b");
  *request.mutable_from() = reply.segments(0).result().handle();
  v1::Session fork;
  ASSERT_TRUE(Fork(request, &fork).ok());
  EXPECT_EQ(fork.session_id(), "b");
  EXPECT_EQ(fork.head().session_id(), "b");
  EXPECT_EQ(fork.head().step(), 1);
  EXPECT_EQ(fork.head().digest(), request.from().digest());
  request.set_fork_id("c");
  request.clear_from();
  ASSERT_TRUE(Fork(request, &fork).ok());
  EXPECT_EQ(fork.head().digest(), reply.head().digest());
  EXPECT_EQ(Rpcs("Sessions.Fork", "OK"), 2);
}

TEST_F(SessionsServiceTest, ForkRefusesWhatIsWrongByField) {
  Open("a");
  v1::ForkSessionRequest request;
  request.set_session_id("a");
  v1::Session fork;
  EXPECT_THAT(Fork(request, &fork),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        HasSubstr("fork_id: 0 characters")));
  request.set_fork_id("b");
  request.mutable_from()->set_digest("short");
  EXPECT_THAT(
      Fork(request, &fork),
      FailsWith(grpc::StatusCode::INVALID_ARGUMENT, HasSubstr("from.digest")));
  request.clear_from();
  EXPECT_THAT(Fork(request, &fork, "acme"),
              FailsWith(grpc::StatusCode::NOT_FOUND, HasSubstr("session_id")));
  ASSERT_TRUE(Fork(request, &fork).ok());
  EXPECT_THAT(Fork(request, &fork),
              FailsWith(grpc::StatusCode::ALREADY_EXISTS, HasSubstr("'b'")));
}

TEST_F(SessionsServiceTest, TouchPinsAndUnpins) {
  const v1::Session opened = Open("a");
  v1::TouchSessionRequest request;
  request.set_session_id("a");
  *request.add_pin() = opened.head();
  v1::Session session;
  ASSERT_TRUE(Touch(request, &session).ok());
  ASSERT_EQ(session.pinned_size(), 1);
  EXPECT_EQ(session.pinned(0).SerializeAsString(),
            opened.head().SerializeAsString());
  request.clear_pin();
  *request.add_unpin() = opened.head();
  ASSERT_TRUE(Touch(request, &session).ok());
  EXPECT_EQ(session.pinned_size(), 0);
  request.add_pin()->set_session_id("b");
  EXPECT_THAT(Touch(request, &session),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        HasSubstr("pin[0].session_id")));
}

TEST_F(SessionsServiceTest, MetadataMustNameTheRequestsSession) {
  Open("a");
  grpc::ClientContext context;
  context.AddMetadata("mneme-session-id", "a");
  v1::GetSessionRequest request;
  request.set_session_id("a");
  v1::Session session;
  EXPECT_TRUE(sessions_->Get(&context, request, &session).ok());
  grpc::ClientContext wrong;
  wrong.AddMetadata("mneme-session-id", "b");
  EXPECT_THAT(sessions_->Get(&wrong, request, &session),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        HasSubstr("metadata mneme-session-id")));
}

TEST_F(SessionsServiceTest, ABadTenantIsRefusedByEveryCall) {
  grpc::ClientContext context;
  context.AddMetadata("mneme-tenant", "no spaces");
  v1::ListSessionsResponse reply;
  EXPECT_THAT(sessions_->List(&context, v1::ListSessionsRequest(), &reply),
              FailsWith(grpc::StatusCode::INVALID_ARGUMENT,
                        HasSubstr("metadata mneme-tenant")));
}

class SessionQuotaTest : public ServerFixture {
 protected:
  void SetUp() override {
    config_.max_sessions = 2;
    Start();
  }
};

TEST_F(SessionQuotaTest, OpenIsRefusedAtTheServersLimit) {
  Open("a");
  Open("b");
  v1::OpenSessionRequest request;
  request.set_session_id("c");
  v1::Session session;
  const CallError error = ErrorOf(TryOpen(request, &session));
  EXPECT_EQ(error.code, grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_EQ(error.reason, "QUOTA_SESSIONS");
  EXPECT_EQ(error.domain, "mneme.v1");
}

}  // namespace
}  // namespace mneme
