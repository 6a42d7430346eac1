#include "tests/integration/test_server.h"

#include "tests/testing/status_matchers.h"

namespace mneme {

TestServer::TestServer(std::vector<std::string> models, Config config)
    : config_(std::move(config)) {
  config_.models = std::move(models);
  config_.listen = "127.0.0.1:0";
  config_.metrics = "127.0.0.1:0";
  config_.store = "rocksdb:" + store_.File("store");
  Start();
}

void TestServer::Start() {
  absl::StatusOr<std::unique_ptr<Server>> server = Server::Create(config_);
  ASSERT_OK(server);
  server_ = *std::move(server);
  const auto channel = server_->InProcessChannel();
  sessions_ = v1::Sessions::NewStub(channel);
  segments_ = v1::Segments::NewStub(channel);
}

void TestServer::Restart() {
  EXPECT_THAT(server_->Drain(absl::Seconds(20)), IsOkAndHolds(true));
  sessions_.reset();
  segments_.reset();
  server_.reset();
  Start();
}

v1::Session TestServer::Open(const std::string& id, const std::string& model,
                             v1::MemoryPolicy policy) {
  grpc::ClientContext context;
  v1::OpenSessionRequest request;
  request.set_session_id(id);
  request.set_model(model);
  request.set_memory_policy(policy);
  v1::Session session;
  const grpc::Status status = sessions_->Open(&context, request, &session);
  EXPECT_TRUE(status.ok()) << id << ": " << status.error_message();
  return session;
}

v1::Session TestServer::Get(const std::string& id) {
  grpc::ClientContext context;
  v1::GetSessionRequest request;
  request.set_session_id(id);
  v1::Session session;
  const grpc::Status status = sessions_->Get(&context, request, &session);
  EXPECT_TRUE(status.ok()) << id << ": " << status.error_message();
  return session;
}

grpc::Status TestServer::TryProcess(const v1::SegmentRequest& request,
                                    v1::SegmentReply* reply) {
  grpc::ClientContext context;
  return segments_->Process(&context, request, reply);
}

v1::SegmentReply TestServer::Process(const v1::SegmentRequest& request) {
  v1::SegmentReply reply;
  const grpc::Status status = TryProcess(request, &reply);
  EXPECT_TRUE(status.ok()) << request.session_id() << ": "
                           << status.error_message();
  return reply;
}

void TestServer::WriteOracle(const TestFolder& folder, int64_t segment_size) {
  folder.WriteConfig({{"architecture", "oracle"},
                      {"name", "oracle"},
                      {"segment_size", segment_size},
                      {"vocab_size", 1000},
                      {"extra_inputs", {"decoder_tokens"}}});
}

v1::SegmentRequest RequestAt(const std::string& id, const v1::Position& at,
                             const std::vector<int32_t>& tokens,
                             const std::vector<std::string>& outputs) {
  v1::SegmentRequest request;
  request.set_session_id(id);
  *request.mutable_at() = at;
  request.mutable_tokens()->mutable_ids()->Assign(tokens.begin(), tokens.end());
  for (const std::string& output : outputs) {
    request.mutable_outputs()->add_names(output);
  }
  return request;
}

v1::Position PositionOf(const v1::Session& session) {
  v1::Position position;
  *position.mutable_handle() = session.head();
  position.set_tail(session.tail());
  return position;
}

}  // namespace mneme
