#include "tests/client/fake_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"
#include "tests/client/fake_services.h"
#include "tests/testing/free_port.h"

namespace mneme::testing {
namespace {

constexpr uint64_t kMemoryBytes = 4096;

}  // namespace

FakeServer::FakeServer(Options options)
    : options_(std::move(options)),
      models_(std::make_unique<ModelsService>(this)),
      sessions_service_(std::make_unique<SessionsService>(this)),
      segments_(std::make_unique<SegmentsService>(this)) {
  Start(FreePort());
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
  for (uint64_t step = session.oldest(); step <= session.head(); ++step) {
    *wire.add_retained() = session.HandleAt(step);
  }
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
