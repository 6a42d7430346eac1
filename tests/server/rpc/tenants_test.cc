// Everything belongs to a tenant: in every RPC another tenant's session is
// answered as one that is not there.

#include <functional>
#include <map>
#include <string>

#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

class TenantsTest : public ServerFixture {
 protected:
  void SetUp() override {
    config_.trust_tenant_header = true;
    Start();
    // A step of the session "s" of the tenant "one".
    grpc::ClientContext open;
    open.AddMetadata("mneme-tenant", "one");
    v1::OpenSessionRequest request;
    request.set_session_id("s");
    request.set_model("fake");
    ASSERT_TRUE(sessions_->Open(&open, request, &session_).ok());
    grpc::ClientContext process;
    process.AddMetadata("mneme-tenant", "one");
    v1::SegmentReply reply;
    ASSERT_TRUE(
        segments_->Process(&process, Request("s", Range(0, 4)), &reply).ok());
    head_ = reply.head();
  }

  // Each RPC that names a session, about "s".
  using Call = std::function<grpc::Status(grpc::ClientContext*)>;
  std::map<std::string, Call> Calls() {
    std::map<std::string, Call> calls;
    AddSessionCalls(&calls);
    AddChangingCalls(&calls);
    AddSegmentCalls(&calls);
    return calls;
  }

  void AddSessionCalls(std::map<std::string, Call>* calls) {
    (*calls)["Get"] = [this](grpc::ClientContext* context) {
      v1::GetSessionRequest request;
      request.set_session_id("s");
      return sessions_->Get(context, request, &session_);
    };
    (*calls)["Export"] = [this](grpc::ClientContext* context) {
      v1::ExportSessionRequest request;
      request.set_session_id("s");
      const auto call = sessions_->Export(context, request);
      v1::ExportSessionChunk chunk;
      while (call->Read(&chunk)) {
      }
      return call->Finish();
    };
    for (const bool erase : {false, true}) {
      (*calls)[erase ? "Close, erase" : "Close"] =
          [this, erase](grpc::ClientContext* context) {
            v1::CloseSessionRequest request;
            request.set_session_id("s");
            request.set_erase(erase);
            v1::CloseSessionResponse response;
            return sessions_->Close(context, request, &response);
          };
    }
  }

  void AddChangingCalls(std::map<std::string, Call>* calls) {
    (*calls)["Touch"] = [this](grpc::ClientContext* context) {
      v1::TouchSessionRequest request;
      request.set_session_id("s");
      *request.add_pin() = head_;
      return sessions_->Touch(context, request, &session_);
    };
    (*calls)["Fork"] = [this](grpc::ClientContext* context) {
      v1::ForkSessionRequest request;
      request.set_session_id("s");
      request.set_fork_id("fork");
      *request.mutable_from() = head_;
      return sessions_->Fork(context, request, &session_);
    };
    (*calls)["Rollback"] = [this](grpc::ClientContext* context) {
      v1::RollbackSessionRequest request;
      request.set_session_id("s");
      *request.mutable_to() = head_;
      return sessions_->Rollback(context, request, &session_);
    };
  }

  void AddSegmentCalls(std::map<std::string, Call>* calls) {
    (*calls)["Process"] = [this](grpc::ClientContext* context) {
      v1::SegmentReply reply;
      return segments_->Process(context, Request("s", Range(4, 4)), &reply);
    };
    (*calls)["Stream"] = [this](grpc::ClientContext* context) {
      const auto stream = segments_->Stream(context);
      stream->Write(Request("s", Range(4, 4)));
      stream->WritesDone();
      v1::SegmentReply reply;
      while (stream->Read(&reply)) {
      }
      return stream->Finish();
    };
  }

  std::string HeadOf(const std::string& tenant) {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", tenant);
    v1::GetSessionRequest request;
    request.set_session_id("s");
    v1::Session session;
    EXPECT_TRUE(sessions_->Get(&context, request, &session).ok());
    return session.head().SerializeAsString();
  }

  v1::Session session_;
  v1::MemoryHandle head_;
};

TEST_F(TenantsTest, InEveryRpcAnotherTenantsSessionIsNotFound) {
  for (const auto& [name, call] : Calls()) {
    for (const char* tenant : {"two", ""}) {
      grpc::ClientContext context;
      if (*tenant != '\0') context.AddMetadata("mneme-tenant", tenant);
      EXPECT_EQ(call(&context).error_code(), grpc::StatusCode::NOT_FOUND)
          << name << " of tenant '" << tenant << "'";
    }
  }
  EXPECT_EQ(HeadOf("one"), head_.SerializeAsString());
}

TEST_F(TenantsTest, ItsOwnIsFound) {
  auto calls = Calls();
  for (const char* name : {"Get", "Export", "Touch", "Fork", "Rollback",
                           "Process", "Stream", "Close"}) {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", "one");
    EXPECT_TRUE(calls.at(name)(&context).ok()) << name;
  }
}

TEST_F(TenantsTest, AListHasTheTenantsOwn) {
  for (const char* tenant : {"one", "two"}) {
    grpc::ClientContext context;
    context.AddMetadata("mneme-tenant", tenant);
    v1::ListSessionsResponse response;
    ASSERT_TRUE(
        sessions_->List(&context, v1::ListSessionsRequest(), &response).ok());
    EXPECT_EQ(response.sessions_size(), tenant == std::string("one") ? 1 : 0);
  }
}

}  // namespace
}  // namespace mneme
