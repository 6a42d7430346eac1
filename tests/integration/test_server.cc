#include "tests/integration/test_server.h"

#include <prometheus/metric_family.h>

#include "model/load_model.h"
#include "tests/testing/free_port.h"
#include "tests/testing/status_matchers.h"

namespace mneme {

TestServer::TestServer(std::vector<std::string> models, Config config,
                       TestServerOptions options)
    : config_(std::move(config)), options_(options) {
  config_.models = std::move(models);
  config_.listen = "127.0.0.1:" + std::to_string(FreePort());
  config_.metrics = "127.0.0.1:0";
  config_.store = "rocksdb:" + store_.File("store");
  Start();
}

TestServer::~TestServer() {
  if (held_ != nullptr) held_->Release();
}

void TestServer::Start() {
  Config config = config_;
  Server::Parts parts;
  parts.clock = options_.clock;
  if (options_.held) {
    auto model = LoadModel(config.models.front(), {});
    ASSERT_OK(model);
    auto held = std::make_unique<HeldModel>(*std::move(model));
    held_ = held.get();
    parts.models.push_back(std::move(held));
    config.models.clear();
  }
  absl::StatusOr<std::unique_ptr<Server>> server =
      Server::Create(config, std::move(parts));
  ASSERT_OK(server);
  server_ = *std::move(server);
  const auto channel = server_->InProcessChannel();
  sessions_ = v1::Sessions::NewStub(channel);
  segments_ = v1::Segments::NewStub(channel);
}

void TestServer::Restart(Ending ending) {
  if (ending == Ending::kDrained) {
    EXPECT_THAT(server_->Drain(absl::Seconds(20)), IsOkAndHolds(true));
  }
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

std::string TestServer::address() const {
  return "127.0.0.1:" + std::to_string(port());
}

void TestServer::AwaitMetric(const std::string& name, double value,
                             const std::string& label) {
  for (double found = value - 1; found != value;) {
    v1::ListSessionsResponse sessions;
    grpc::ClientContext context;
    ASSERT_TRUE(sessions_->List(&context, {}, &sessions).ok());
    for (const auto& family : server_->CollectMetrics()) {
      if (family.name != name) continue;
      for (const auto& metric : family.metric) {
        if (!label.empty() && metric.label[0].value != label) continue;
        found = family.type == prometheus::MetricType::Counter
                    ? metric.counter.value
                    : metric.gauge.value;
      }
    }
  }
}

double TestServer::MeanBatch() {
  for (const auto& family : server_->CollectMetrics()) {
    if (family.name != "mneme_batch_rows") continue;
    const auto& histogram = family.metric.front().histogram;
    return histogram.sample_sum / static_cast<double>(histogram.sample_count);
  }
  ADD_FAILURE() << "no metric mneme_batch_rows";
  return 0;
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
