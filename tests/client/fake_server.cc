#include "tests/client/fake_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "gtest/gtest.h"

namespace mneme::testing {
namespace {

constexpr uint64_t kMemoryBytes = 4096;

grpc::Status NoSession(const std::string& id) {
  return ErrorStatus(grpc::StatusCode::NOT_FOUND,
                     absl::StrCat("no session '", id, "'"), "NOT_FOUND");
}

}  // namespace

grpc::Status ErrorStatus(grpc::StatusCode code, const std::string& message,
                         const std::string& reason,
                         absl::optional<absl::Duration> retry_delay,
                         const std::map<std::string, std::string>& metadata) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("mneme.v1");
  info.mutable_metadata()->insert(metadata.begin(), metadata.end());
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  status.add_details()->PackFrom(info);
  if (retry_delay) {
    google::rpc::RetryInfo retry;
    int64_t nanos = absl::ToInt64Nanoseconds(*retry_delay);
    retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(nanos % 1'000'000'000));
    status.add_details()->PackFrom(retry);
  }
  return {code, message, status.SerializeAsString()};
}

class FakeServer::ModelsService : public v1::Models::Service {
 public:
  explicit ModelsService(FakeServer* server) : server_(server) {}

  grpc::Status List(grpc::ServerContext* /*context*/,
                    const v1::ListModelsRequest* /*request*/,
                    v1::ListModelsResponse* response) override {
    *response->add_models() = server_->Model();
    return grpc::Status::OK;
  }

  grpc::Status Get(grpc::ServerContext* /*context*/,
                   const v1::GetModelRequest* request,
                   v1::Model* response) override {
    *response = server_->Model();
    if (request->name() == response->name()) return grpc::Status::OK;
    return ErrorStatus(grpc::StatusCode::NOT_FOUND,
                       absl::StrCat("no model '", request->name(), "'"),
                       "NOT_FOUND");
  }

 private:
  FakeServer* const server_;
};

class FakeServer::SessionsService : public v1::Sessions::Service {
 public:
  explicit SessionsService(FakeServer* server) : server_(server) {}

  grpc::Status Open(grpc::ServerContext* context,
                    const v1::OpenSessionRequest* request,
                    v1::Session* response) override {
    server_->NoteMetadata(*context);
    MutexLock lock(&server_->mu_);
    FakeSession session(*request, server_->options_.segment_size,
                        server_->options_.retained);
    auto [it, is_new] =
        server_->sessions_.emplace(request->session_id(), std::move(session));
    if (!is_new) {
      return ErrorStatus(
          grpc::StatusCode::ALREADY_EXISTS,
          absl::StrCat("session '", request->session_id(), "' exists"),
          "ALREADY_EXISTS");
    }
    *response = server_->Describe(it->second);
    return grpc::Status::OK;
  }

  grpc::Status Get(grpc::ServerContext* context,
                   const v1::GetSessionRequest* request,
                   v1::Session* response) override {
    server_->NoteMetadata(*context);
    MutexLock lock(&server_->mu_);
    auto it = server_->sessions_.find(request->session_id());
    if (it == server_->sessions_.end()) return NoSession(request->session_id());
    *response = server_->Describe(it->second);
    return grpc::Status::OK;
  }

  // Pages of one session, so that paging is tested.
  grpc::Status List(grpc::ServerContext* /*context*/,
                    const v1::ListSessionsRequest* request,
                    v1::ListSessionsResponse* response) override {
    MutexLock lock(&server_->mu_);
    auto it = server_->sessions_.upper_bound(request->page_token());
    if (it == server_->sessions_.end()) return grpc::Status::OK;
    *response->add_sessions() = server_->Describe(it->second);
    if (std::next(it) != server_->sessions_.end()) {
      response->set_next_page_token(it->first);
    }
    return grpc::Status::OK;
  }

  grpc::Status Close(grpc::ServerContext* context,
                     const v1::CloseSessionRequest* request,
                     v1::CloseSessionResponse* response) override {
    server_->NoteMetadata(*context);
    MutexLock lock(&server_->mu_);
    auto it = server_->sessions_.find(request->session_id());
    if (it == server_->sessions_.end()) return NoSession(request->session_id());
    *response->mutable_last() = it->second.HandleAt(it->second.head());
    server_->sessions_.erase(it);
    return grpc::Status::OK;
  }

 private:
  FakeServer* const server_;
};

class FakeServer::SegmentsService : public v1::Segments::Service {
 public:
  explicit SegmentsService(FakeServer* server) : server_(server) {}

  grpc::Status Stream(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::SegmentReply, v1::SegmentRequest>* stream)
      override {
    server_->NoteMetadata(*context);
    size_t number = 0;
    {
      MutexLock lock(&server_->mu_);
      number = server_->streams_.size();
      server_->streams_.emplace_back();
    }
    FakePlace place;
    v1::SegmentRequest request;
    while (stream->Read(&request)) {
      v1::SegmentReply reply;
      bool ends = false;
      grpc::Status status =
          server_->Handle(request, number, place, reply, ends);
      if (!status.ok() || ends) return status;
      stream->Write(reply);
    }
    return grpc::Status::OK;
  }

 private:
  FakeServer* const server_;
};

FakeServer::FakeServer(Options options)
    : options_(std::move(options)),
      models_(std::make_unique<ModelsService>(this)),
      sessions_service_(std::make_unique<SessionsService>(this)),
      segments_(std::make_unique<SegmentsService>(this)) {
  Start(0);
}

FakeServer::~FakeServer() {
  Release();
  if (server_ != nullptr) Kill();
}

std::string FakeServer::address() const {
  return absl::StrCat("127.0.0.1:", port_);
}

void FakeServer::Start(int port) {
  grpc::ServerBuilder builder;
  builder.AddListeningPort(absl::StrCat("127.0.0.1:", port),
                           grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(models_.get());
  builder.RegisterService(sessions_service_.get());
  builder.RegisterService(segments_.get());
  server_ = builder.BuildAndStart();
  ASSERT_NE(server_, nullptr);
}

void FakeServer::Kill() {
  server_->Shutdown(std::chrono::system_clock::now());
  server_->Wait();
  server_ = nullptr;
  MutexLock lock(&mu_);
  for (auto& [id, session] : sessions_) {
    uint64_t lost = std::min(options_.durable_lag, session.head());
    session.LoseAfter(session.head() - lost);
  }
}

void FakeServer::Restart() { Start(port_); }

void FakeServer::AddFault(Fault fault) {
  MutexLock lock(&mu_);
  faults_.push_back(std::move(fault));
}

void FakeServer::Hold() {
  MutexLock lock(&mu_);
  held_ = true;
}

void FakeServer::Release() {
  MutexLock lock(&mu_);
  held_ = false;
  released_.notify_all();
}

void FakeServer::WriteAsSomebodyElse(const std::string& session_id,
                                     const std::string& text) {
  MutexLock lock(&mu_);
  FakeSession& session = sessions_.at(session_id);
  v1::Position at;
  *at.mutable_handle() = session.HandleAt(session.head());
  at.set_tail(session.tail());
  FakePlace place;
  v1::SegmentRequest request;
  request.set_text(text);
  v1::SegmentReply reply;
  ASSERT_TRUE(session.Find(at, place).ok());
  ASSERT_TRUE(session.Apply(request, place, reply).ok());
}

void FakeServer::Corrupt(const std::string& session_id, uint64_t step) {
  MutexLock lock(&mu_);
  sessions_.at(session_id).Corrupt(step);
}

std::string FakeServer::TextOf(const std::string& session_id) const {
  MutexLock lock(&mu_);
  auto it = sessions_.find(session_id);
  return it == sessions_.end() ? "" : it->second.text();
}

uint64_t FakeServer::StepOf(const std::string& session_id) const {
  MutexLock lock(&mu_);
  auto it = sessions_.find(session_id);
  return it == sessions_.end() ? 0 : it->second.head();
}

size_t FakeServer::session_count() const {
  MutexLock lock(&mu_);
  return sessions_.size();
}

std::vector<std::vector<v1::SegmentRequest>> FakeServer::streams() const {
  MutexLock lock(&mu_);
  return streams_;
}

std::vector<std::string> FakeServer::session_metadata() const {
  MutexLock lock(&mu_);
  return metadata_;
}

void FakeServer::NoteMetadata(const grpc::ServerContext& context) {
  auto it = context.client_metadata().find("mneme-session-id");
  MutexLock lock(&mu_);
  metadata_.push_back(it == context.client_metadata().end()
                          ? ""
                          : std::string(it->second.data(), it->second.size()));
}

v1::Model FakeServer::Model() const {
  v1::Model model;
  model.set_name("fake");
  model.set_version(1);
  model.set_architecture("oracle");
  model.set_fingerprint("fingerprint");
  model.set_segment_size(options_.segment_size);
  model.set_vocab_size(256);
  model.set_tokenizer(options_.tokenizer);
  model.add_outputs()->set_name("argmax");
  model.add_outputs()->set_name("log_probs");
  model.set_memory_bytes(kMemoryBytes);
  model.set_device("cpu");
  return model;
}

v1::Session FakeServer::Describe(const FakeSession& session) const {
  v1::Session wire;
  wire.set_session_id(session.spec().session_id());
  wire.set_model("fake");
  wire.set_memory_policy(session.spec().memory_policy());
  wire.set_durability(session.spec().durability());
  *wire.mutable_head() = session.HandleAt(session.head());
  wire.set_tail(session.tail());
  uint64_t lag = std::min(options_.durable_lag, session.head());
  *wire.mutable_durable() = session.HandleAt(session.head() - lag);
  wire.set_memory_bytes(kMemoryBytes);
  return wire;
}

grpc::Status FakeServer::Handle(const v1::SegmentRequest& request,
                                size_t stream, FakePlace& place,
                                v1::SegmentReply& reply, bool& ends) {
  MutexLock lock(&mu_);
  streams_[stream].push_back(request);
  while (held_) lock.Wait(released_);
  int message = ++messages_;
  auto fault =
      std::find_if(faults_.begin(), faults_.end(),
                   [&](const Fault& f) { return f.message == message; });
  bool faulty = fault != faults_.end();
  if (faulty && !fault->after_applying) return fault->status;
  const std::string& id = place.known ? place.session_id : request.session_id();
  auto it = sessions_.find(id);
  if (it == sessions_.end()) return NoSession(id);
  FakeSession& session = it->second;
  if (!place.known) {
    if (!request.has_at()) {
      return {grpc::StatusCode::INVALID_ARGUMENT, "the fake wants `at`"};
    }
    grpc::Status found = session.Find(request.at(), place);
    if (!found.ok()) return found;
  }
  if (request.has_outputs()) {
    place.outputs.assign(request.outputs().names().begin(),
                         request.outputs().names().end());
  }
  grpc::Status applied = session.Apply(request, place, reply);
  if (!applied.ok()) return applied;
  if (faulty) {
    ends = fault->ends_the_stream;
    return fault->status;
  }
  *reply.mutable_head() = session.HandleAt(session.head());
  reply.set_tail(session.tail());
  uint64_t lag = std::min(options_.durable_lag, session.head());
  *reply.mutable_durable() = session.HandleAt(session.head() - lag);
  return grpc::Status::OK;
}

}  // namespace mneme::testing
