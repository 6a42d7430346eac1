#include "tests/client/fake_server.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>

#include <algorithm>
#include <chrono>
#include <set>
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
    session.LoseAfter(session.durable(options_.durable_lag));
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

void FakeServer::BreakExports(int after_chunks, grpc::Status status) {
  MutexLock lock(&mu_);
  export_chunks_ = after_chunks;
  export_status_ = std::move(status);
}

void FakeServer::CorruptExports() {
  MutexLock lock(&mu_);
  corrupt_exports_ = true;
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
  wire.set_fingerprint("fingerprint");
  wire.set_memory_policy(session.spec().memory_policy());
  wire.set_durability(session.spec().durability());
  if (session.spec().has_idle_ttl()) {
    *wire.mutable_idle_ttl() = session.spec().idle_ttl();
    wire.mutable_expires()->set_seconds(session.spec().idle_ttl().seconds());
  }
  if (session.spec().has_max_age()) {
    *wire.mutable_max_age() = session.spec().max_age();
  }
  *wire.mutable_head() = session.HandleAt(session.head());
  wire.set_tail(session.tail());
  *wire.mutable_durable() =
      session.HandleAt(session.durable(options_.durable_lag));
  std::set<uint64_t> retained = session.pins();
  for (uint64_t step = session.oldest(); step <= session.head(); ++step) {
    retained.insert(step);
  }
  for (uint64_t step : retained) {
    *wire.add_retained() = session.HandleAt(step);
  }
  for (uint64_t step : session.pins()) {
    *wire.add_pinned() = session.HandleAt(step);
  }
  wire.set_memory_bytes(kMemoryBytes);
  return wire;
}

grpc::Status FakeServer::Add(FakeSession session, v1::Session* response) {
  const std::string id = session.spec().session_id();
  if (sessions_.size() >= options_.max_sessions) {
    return ErrorStatus(grpc::StatusCode::RESOURCE_EXHAUSTED,
                       "the server is full", "QUOTA_SESSIONS");
  }
  auto [it, is_new] = sessions_.emplace(id, std::move(session));
  if (!is_new) {
    return ErrorStatus(grpc::StatusCode::ALREADY_EXISTS,
                       absl::StrCat("session '", id, "' exists"),
                       "ALREADY_EXISTS");
  }
  *response = Describe(it->second);
  return grpc::Status::OK;
}

grpc::Status FakeServer::FindValue(const std::string& session_id, bool has_from,
                                   const v1::MemoryHandle& from,
                                   uint64_t& step) const {
  auto it = sessions_.find(session_id);
  if (it == sessions_.end()) return NoSession(session_id);
  step = has_from ? from.step() : it->second.head();
  return has_from ? it->second.CheckRetained(from) : grpc::Status::OK;
}

grpc::Status FakeServer::SendFile(
    const std::string& file,
    grpc::ServerWriter<v1::ExportSessionChunk>* writer) {
  constexpr size_t kChunkBytes = 100;
  std::string bytes = file;
  int chunks = 0;
  grpc::Status status;
  {
    MutexLock lock(&mu_);
    chunks = export_chunks_;
    status = export_status_;
    if (corrupt_exports_) bytes.back() ^= 1;
  }
  for (size_t at = 0; at < bytes.size() && chunks != 0; at += kChunkBytes) {
    v1::ExportSessionChunk chunk;
    chunk.set_data(bytes.substr(at, kChunkBytes));
    writer->Write(chunk);
    --chunks;
  }
  return status;
}

size_t FakeServer::NewStream() {
  MutexLock lock(&mu_);
  streams_.emplace_back();
  return streams_.size() - 1;
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
  *reply.mutable_durable() =
      session.HandleAt(session.durable(options_.durable_lag));
  return grpc::Status::OK;
}

}  // namespace mneme::testing
