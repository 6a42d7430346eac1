#include "server/rpc/grpc_server.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "tests/server/rpc/raw_call.h"
#include "tests/server/rpc/server_fixture.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// grpc.health.v1's HealthCheckResponse{status: SERVING}, and the request for a
// service; grpc.reflection's request {list_services: ""}.
constexpr char kServing[] = "\x08\x01";
std::string HealthRequest(const std::string& service) {
  if (service.empty()) return "";
  return "\x0a" + std::string(1, static_cast<char>(service.size())) + service;
}
std::string ListServices() { return std::string("\x3a\x00", 2); }

class GrpcServerTest : public ServerFixture {
 protected:
  void SetUp() override {
    config_.max_request_bytes = 4096;
    config_.max_connection_calls = 2;
    Start();
  }
};

TEST_F(GrpcServerTest, HealthIsServingForTheServerAndEachService) {
  for (const std::string service :
       {"", "mneme.v1.Sessions", "mneme.v1.Segments", "mneme.v1.Models"}) {
    EXPECT_EQ(RawCall::Unary(channel_, "/grpc.health.v1.Health/Check",
                             HealthRequest(service)),
              kServing)
        << service;
  }
}

TEST_F(GrpcServerTest, HealthOfAnUnknownServiceIsNotFound) {
  RawCall call(channel_, "/grpc.health.v1.Health/Check");
  call.Write(HealthRequest("nope"));
  EXPECT_FALSE(call.Read().has_value());
  EXPECT_EQ(call.Finish().error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(GrpcServerTest, ReflectionListsTheServices) {
  RawCall call(channel_,
               "/grpc.reflection.v1alpha.ServerReflection/"
               "ServerReflectionInfo");
  call.Write(ListServices());
  EXPECT_THAT(
      call.Read().value_or(""),
      AllOf(HasSubstr("mneme.v1.Sessions"), HasSubstr("mneme.v1.Segments"),
            HasSubstr("mneme.v1.Models"), HasSubstr("grpc.health.v1.Health")));
}

TEST_F(GrpcServerTest, ServesOnTheFreePortThatItTook) {
  ASSERT_GT(server_->grpc_port(), 0);
  const auto stub = v1::Models::NewStub(Connect());
  grpc::ClientContext context;
  v1::ListModelsResponse models;
  EXPECT_TRUE(stub->List(&context, {}, &models).ok());
  EXPECT_EQ(models.models_size(), 1);
}

TEST_F(GrpcServerTest, RefusesMessagesAboveTheLimit) {
  Open("a");
  const auto stub = v1::Segments::NewStub(Connect());
  v1::SegmentRequest request = Request("a", {});
  request.set_text(std::string(5000, 'x'));
  v1::SegmentReply reply;
  grpc::ClientContext unary;
  EXPECT_THAT(stub->Process(&unary, request, &reply),
              FailsWith(grpc::StatusCode::RESOURCE_EXHAUSTED,
                        HasSubstr("larger than max")));
  grpc::ClientContext context;
  const auto stream = stub->Stream(&context);
  stream->Write(request);
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_THAT(stream->Finish(), FailsWith(grpc::StatusCode::RESOURCE_EXHAUSTED,
                                          HasSubstr("larger than max")));
  EXPECT_EQ(Get("a").tail(), 0);
}

TEST_F(GrpcServerTest, ACallAboveAConnectionsLimitWaitsForItsTurn) {
  Open("a");
  const auto stub = v1::Segments::NewStub(Connect());
  grpc::ClientContext first_context;
  const auto first = stub->Stream(&first_context);
  grpc::ClientContext second_context;
  const auto second = stub->Stream(&second_context);
  AwaitMetric("mneme_streams", 2);
  v1::SegmentReply reply;
  grpc::ClientContext late;
  late.set_deadline(std::chrono::system_clock::now() +
                    std::chrono::milliseconds(50));
  EXPECT_THAT(stub->Process(&late, Request("a", {1}), &reply),
              FailsWith(grpc::StatusCode::DEADLINE_EXCEEDED, ::testing::_));
  EXPECT_EQ(Rpcs("Segments.Process", "OK"), 0);
  first->WritesDone();
  EXPECT_TRUE(first->Finish().ok());
  grpc::ClientContext context;
  EXPECT_TRUE(stub->Process(&context, Request("a", {1}), &reply).ok());
  EXPECT_EQ(reply.tail(), 1);
}

TEST_F(GrpcServerTest, APortInUseIsAnErrorThatNamesIt) {
  Config config;
  config.listen = absl::StrCat("127.0.0.1:", server_->grpc_port());
  config.metrics = "";
  config.store = "memory:";
  EXPECT_THAT(Server::Create(config), StatusIs(absl::StatusCode::kUnavailable,
                                               HasSubstr(config.listen)));
}

}  // namespace
}  // namespace mneme
