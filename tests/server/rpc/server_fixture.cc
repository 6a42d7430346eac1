#include "tests/server/rpc/server_fixture.h"

#include <prometheus/metric_family.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/store/in_process_store.h"

namespace mneme {

CallError ErrorOf(const grpc::Status& status) {
  CallError error;
  error.code = status.error_code();
  error.message = status.error_message();
  google::rpc::Status details;
  EXPECT_TRUE(details.ParseFromString(status.error_details()));
  for (const auto& detail : details.details()) {
    google::rpc::ErrorInfo info;
    google::rpc::RetryInfo retry;
    if (detail.UnpackTo(&info)) {
      error.reason = info.reason();
      error.domain = info.domain();
      error.metadata = {info.metadata().begin(), info.metadata().end()};
    } else if (detail.UnpackTo(&retry)) {
      error.retry_seconds = static_cast<double>(retry.retry_delay().seconds()) +
                            1e-9 * retry.retry_delay().nanos();
    }
  }
  return error;
}

void ServerFixture::Start() {
  config_.listen = "127.0.0.1:0";
  config_.metrics = "";
  Server::Parts parts;
  parts.clock = clock_;
  parts.store = std::move(store_);
  if (parts.store == nullptr) parts.store = std::make_unique<InProcessStore>();
  parts.models = std::move(more_models_);
  auto model = std::make_unique<FakeModel>(4);
  model_ = model.get();
  parts.models.push_back(std::move(model));
  auto server = Server::Create(config_, std::move(parts));
  ASSERT_OK(server);
  server_ = *std::move(server);
  channel_ = server_->InProcessChannel();
  sessions_ = v1::Sessions::NewStub(channel_);
  segments_ = v1::Segments::NewStub(channel_);
  models_ = v1::Models::NewStub(channel_);
}

void ServerFixture::TearDown() {
  if (server_ == nullptr) return;
  model_->Release();
  models_.reset();
  segments_.reset();
  sessions_.reset();
  channel_.reset();
  server_.reset();
}

grpc::Status ServerFixture::TryOpen(const v1::OpenSessionRequest& request,
                                    v1::Session* session) {
  grpc::ClientContext context;
  return sessions_->Open(&context, request, session);
}

std::shared_ptr<grpc::Channel> ServerFixture::Connect() const {
  return grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->grpc_port()),
                             grpc::InsecureChannelCredentials());
}

v1::Session ServerFixture::Open(const std::string& id,
                                const std::string& model) {
  v1::OpenSessionRequest request;
  request.set_session_id(id);
  request.set_model(model.empty() ? "fake" : model);
  v1::Session session;
  const grpc::Status status = TryOpen(request, &session);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return session;
}

grpc::Status ServerFixture::TryGet(const std::string& id,
                                   v1::Session* session) {
  grpc::ClientContext context;
  v1::GetSessionRequest request;
  request.set_session_id(id);
  return sessions_->Get(&context, request, session);
}

v1::Session ServerFixture::Get(const std::string& id) {
  v1::Session session;
  const grpc::Status status = TryGet(id, &session);
  EXPECT_TRUE(status.ok()) << status.error_message();
  return session;
}

grpc::Status ServerFixture::Process(const v1::SegmentRequest& request,
                                    v1::SegmentReply* reply) {
  grpc::ClientContext context;
  return segments_->Process(&context, request, reply);
}

v1::SegmentRequest ServerFixture::Request(const std::string& id,
                                          const std::vector<int32_t>& tokens) {
  v1::SegmentRequest request;
  request.set_session_id(id);
  request.mutable_tokens()->mutable_ids()->Add(tokens.begin(), tokens.end());
  request.mutable_outputs()->add_names("sum");
  return request;
}

std::vector<int32_t> ServerFixture::Range(int32_t first, int32_t size) {
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < size; ++i) tokens.push_back((first + i) % 256);
  return tokens;
}

int64_t ServerFixture::Sum(const std::vector<int32_t>& tokens) {
  int64_t sum = 0;
  for (const int32_t token : tokens) sum = FakeModel::Next(sum, token);
  return sum;
}

int64_t ServerFixture::LastSum(const v1::SegmentReply& reply) {
  const auto& segment = reply.segments(reply.segments_size() - 1);
  const std::string& data = segment.result().outputs(0).data();
  int64_t sum = 0;
  std::memcpy(&sum, data.data() + data.size() - sizeof sum, sizeof sum);
  return sum;
}

double ServerFixture::Metric(const std::string& name,
                             const std::string& label) const {
  for (const auto& family : server_->CollectMetrics()) {
    if (family.name != name) continue;
    for (const auto& metric : family.metric) {
      if (!label.empty() && metric.label[0].value != label) continue;
      if (family.type == prometheus::MetricType::Histogram) {
        return static_cast<double>(metric.histogram.sample_count);
      }
      return family.type == prometheus::MetricType::Counter
                 ? metric.counter.value
                 : metric.gauge.value;
    }
  }
  ADD_FAILURE() << "no metric " << name << " " << label;
  return 0;
}

double ServerFixture::Rpcs(const std::string& method,
                           const std::string& code) const {
  for (const auto& family : server_->CollectMetrics()) {
    if (family.name != "mneme_rpcs_total") continue;
    for (const auto& metric : family.metric) {
      if (metric.label[0].value == method && metric.label[1].value == code) {
        return metric.counter.value;
      }
    }
  }
  return 0;
}

void ServerFixture::AwaitMetric(const std::string& name, double value,
                                const std::string& label) {
  while (Metric(name, label) != value) {
    grpc::ClientContext context;
    v1::ListModelsResponse models;
    const grpc::Status status =
        models_->List(&context, v1::ListModelsRequest(), &models);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
}

}  // namespace mneme
