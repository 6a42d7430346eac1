#ifndef MNEME_TESTS_CLIENT_FAKE_SERVICES_H_
#define MNEME_TESTS_CLIENT_FAKE_SERVICES_H_

#include <algorithm>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/client/error_status.h"
#include "tests/client/fake_server.h"
#include "tests/client/fake_session_file.h"

// The RPCs of the FakeServer, called by gRPC's threads; internal to it.
namespace mneme::testing {

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
    return NoModel(request->name());
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
    return server_->Add(FakeSession(*request, server_->options_.segment_size,
                                    server_->options_.retained),
                        response);
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
    if (request->erase()) server_->erased_.insert(request->session_id());
    return grpc::Status::OK;
  }

  grpc::Status Watch(grpc::ServerContext* context,
                     const v1::WatchSessionsRequest* request,
                     grpc::ServerWriter<v1::SessionEvent>* writer) override {
    server_->NoteMetadata(*context);
    v1::SessionEvent ready;
    ready.set_kind(v1::SessionEvent::READY);
    writer->Write(ready);
    const auto& ids = request->session_ids();
    for (const v1::SessionEvent& event : server_->options_.events) {
      const bool named =
          std::find(ids.begin(), ids.end(), event.session_id()) != ids.end();
      if (named || ids.empty()) writer->Write(event);
    }
    if (!server_->options_.watch_end.ok()) return server_->options_.watch_end;
    while (!context->IsCancelled()) std::this_thread::yield();
    return grpc::Status::CANCELLED;
  }

  grpc::Status Rollback(grpc::ServerContext* context,
                        const v1::RollbackSessionRequest* request,
                        v1::Session* response) override {
    server_->NoteMetadata(*context);
    MutexLock lock(&server_->mu_);
    auto it = server_->sessions_.find(request->session_id());
    if (it == server_->sessions_.end()) return NoSession(request->session_id());
    FakeSession& session = it->second;
    const auto is = [&](const v1::MemoryHandle& handle, uint64_t step) {
      return handle.SerializeAsString() ==
             session.HandleAt(step).SerializeAsString();
    };
    if (request->has_expected_head() && !is(request->to(), session.head()) &&
        !is(request->expected_head(), session.head())) {
      return {grpc::StatusCode::ABORTED, "expected_head"};
    }
    grpc::Status retained = session.CheckRetained(request->to());
    if (!retained.ok()) return retained;
    session.LoseAfter(request->to().step());
    *response = server_->Describe(session);
    return grpc::Status::OK;
  }

  grpc::Status Touch(grpc::ServerContext* context,
                     const v1::TouchSessionRequest* request,
                     v1::Session* response) override {
    server_->NoteMetadata(*context);
    MutexLock lock(&server_->mu_);
    auto it = server_->sessions_.find(request->session_id());
    if (it == server_->sessions_.end()) return NoSession(request->session_id());
    FakeSession changed = it->second;
    for (const v1::MemoryHandle& handle : request->unpin()) {
      changed.Unpin(handle);
    }
    for (const v1::MemoryHandle& handle : request->pin()) {
      grpc::Status pinned = changed.Pin(handle);
      if (!pinned.ok()) return pinned;
    }
    changed.SetTtls(*request);
    it->second = std::move(changed);
    *response = server_->Describe(it->second);
    return grpc::Status::OK;
  }

  grpc::Status Fork(grpc::ServerContext* context,
                    const v1::ForkSessionRequest* request,
                    v1::Session* response) override {
    server_->NoteMetadata(*context);
    MutexLock lock(&server_->mu_);
    uint64_t step = 0;
    grpc::Status found = server_->FindValue(
        request->session_id(), request->has_from(), request->from(), step);
    if (!found.ok()) return found;
    return server_->Add(server_->sessions_.at(request->session_id())
                            .ForkAt(step, request->fork_id()),
                        response);
  }

  // Chunks of a few bytes, so that their order matters.
  grpc::Status Export(
      grpc::ServerContext* context, const v1::ExportSessionRequest* request,
      grpc::ServerWriter<v1::ExportSessionChunk>* writer) override {
    server_->NoteMetadata(*context);
    std::string file;
    {
      MutexLock lock(&server_->mu_);
      uint64_t step = 0;
      grpc::Status found = server_->FindValue(
          request->session_id(), request->has_from(), request->from(), step);
      if (!found.ok()) return found;
      file =
          FakeSessionFile(server_->sessions_.at(request->session_id()), step);
    }
    return server_->SendFile(file, writer);
  }

  grpc::Status Import(grpc::ServerContext* context,
                      grpc::ServerReader<v1::ImportSessionRequest>* reader,
                      v1::Session* response) override {
    server_->NoteMetadata(*context);
    v1::OpenSessionRequest spec;
    v1::ImportSessionRequest request;
    std::string file;
    for (bool first = true; reader->Read(&request); first = false) {
      if (first) {
        spec.set_session_id(request.session_id());
        spec.set_model(request.model());
        spec.set_durability(request.durability());
      }
      file += request.data();
    }
    if (context->IsCancelled()) return grpc::Status::CANCELLED;
    if (!spec.model().empty() && spec.model() != server_->Model().name()) {
      return NoModel(spec.model());
    }
    FakeSession session;
    grpc::Status read =
        ReadFakeSessionFile(file, spec, server_->options_.segment_size,
                            server_->options_.retained, session);
    if (!read.ok()) return read;
    MutexLock lock(&server_->mu_);
    return server_->Add(std::move(session), response);
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
    const size_t number = server_->NewStream();
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

  // Counts as a stream of one message.
  grpc::Status Process(grpc::ServerContext* context,
                       const v1::SegmentRequest* request,
                       v1::SegmentReply* reply) override {
    server_->NoteMetadata(*context);
    FakePlace place;
    bool ends = false;
    return server_->Handle(*request, server_->NewStream(), place, *reply, ends);
  }

 private:
  FakeServer* const server_;
};

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_FAKE_SERVICES_H_
