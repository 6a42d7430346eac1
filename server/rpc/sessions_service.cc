#include "server/rpc/sessions_service.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/export_stream.h"
#include "server/rpc/import_stream.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/read_request.h"
#include "server/rpc/read_sessions.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/watch_stream.h"
#include "server/rpc/write_reply.h"

namespace mneme {
namespace {

absl::StatusOr<v1::Session> ToMessage(const absl::StatusOr<SessionInfo>& info) {
  RETURN_IF_ERROR(info.status());
  v1::Session message;
  WriteSession(*info, &message);
  return message;
}

absl::StatusOr<v1::CloseSessionResponse> ToMessage(
    const absl::StatusOr<MemoryHandle>& last) {
  RETURN_IF_ERROR(last.status());
  v1::CloseSessionResponse message;
  WriteHandle(*last, message.mutable_last());
  return message;
}

absl::StatusOr<v1::ListSessionsResponse> ToMessage(
    const absl::StatusOr<SessionManager::Page>& page) {
  RETURN_IF_ERROR(page.status());
  v1::ListSessionsResponse message;
  for (const SessionInfo& info : page->sessions) {
    WriteSession(info, message.add_sessions());
  }
  if (!page->next.empty()) {
    message.set_next_page_token(MakePageToken(page->next));
  }
  return message;
}

}  // namespace

grpc::ServerUnaryReactor* SessionsService::Open(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  const auto open = ReadOpen(*rpc_, *context, *request);
  if (!open.ok()) {
    return RefusedCall(rpc_, RpcMethod::kOpenSession, open.status());
  }
  const auto call = UnaryCall::Start(rpc_, RpcMethod::kOpenSession, reply);
  rpc_->manager->Open(open->key, open->request,
                      [call](const absl::StatusOr<SessionInfo>& info) {
                        if (call->Claim()) call->End(ToMessage(info));
                      });
  return call.get();
}

grpc::ServerUnaryReactor* SessionsService::Get(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  const auto key = ReadGet(*rpc_, *context, *request);
  if (!key.ok()) {
    return RefusedCall(rpc_, RpcMethod::kGetSession, key.status());
  }
  const auto call = UnaryCall::Start(rpc_, RpcMethod::kGetSession, reply);
  rpc_->manager->Get(*key, [call](const absl::StatusOr<SessionInfo>& info) {
    if (call->Claim()) call->End(ToMessage(info));
  });
  return call.get();
}

grpc::ServerUnaryReactor* SessionsService::List(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  auto list = ReadList(*rpc_, *context, *request);
  if (!list.ok()) {
    return RefusedCall(rpc_, RpcMethod::kListSessions, list.status());
  }
  const auto call = UnaryCall::Start(rpc_, RpcMethod::kListSessions, reply);
  rpc_->manager->List(*std::move(list),
                      [call](const absl::StatusOr<SessionManager::Page>& page) {
                        if (call->Claim()) call->End(ToMessage(page));
                      });
  return call.get();
}

grpc::ServerUnaryReactor* SessionsService::Close(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  const auto close = ReadClose(*rpc_, *context, *request);
  if (!close.ok()) {
    return RefusedCall(rpc_, RpcMethod::kCloseSession, close.status());
  }
  const auto call = UnaryCall::Start(rpc_, RpcMethod::kCloseSession, reply);
  auto done = [call](const absl::StatusOr<MemoryHandle>& last) {
    if (call->Claim()) call->End(ToMessage(last));
  };
  if (close->erase) {
    rpc_->manager->Erase(close->key, std::move(done));
  } else {
    rpc_->manager->Close(close->key, std::move(done));
  }
  return call.get();
}

template <typename Request, typename Ask>
grpc::ServerUnaryReactor* SessionsService::Change(
    RpcMethod method, absl::StatusOr<Request> request, grpc::ByteBuffer* reply,
    Ask ask) {
  if (rpc_->calls->draining()) request = DrainingError(nullptr);
  if (!request.ok()) return RefusedCall(rpc_, method, request.status());
  const auto cursor = std::make_shared<Cursor>();
  const auto call = UnaryCall::Start(rpc_, method, reply, cursor);
  ask(*std::move(request), cursor,
      [call](const absl::StatusOr<SessionInfo>& info) {
        if (call->Claim()) call->End(ToMessage(info));
      });
  return call.get();
}

grpc::ServerUnaryReactor* SessionsService::Touch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  return Change(
      RpcMethod::kTouchSession, ReadTouch(*rpc_, *context, *request), reply,
      [&](TouchSession touch, const CursorRef& cursor, InfoDone done) {
        rpc_->manager->Touch(touch.key, cursor, std::move(touch.change),
                             std::move(done));
      });
}

grpc::ServerUnaryReactor* SessionsService::Fork(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  return Change(RpcMethod::kForkSession, ReadFork(*rpc_, *context, *request),
                reply,
                [&](ForkSession fork, const CursorRef& cursor, InfoDone done) {
                  rpc_->manager->Fork(fork.key, cursor, std::move(fork.from),
                                      fork.fork_id, std::move(done));
                });
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* SessionsService::Export(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return ExportStream::Start(rpc_, *context, *request);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* SessionsService::Watch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  return WatchStream::Start(rpc_, *context, *request);
}

grpc::ServerReadReactor<grpc::ByteBuffer>* SessionsService::Import(
    grpc::CallbackServerContext* context, grpc::ByteBuffer* reply) {
  return ImportStream::Start(rpc_, context, reply);
}

grpc::ServerUnaryReactor* SessionsService::Rollback(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  return Change(
      RpcMethod::kRollbackSession, ReadRollback(*rpc_, *context, *request),
      reply,
      [&](RollbackSession rollback, const CursorRef& cursor, InfoDone done) {
        rpc_->manager->Rollback(rollback.key, cursor, std::move(rollback.to),
                                std::move(rollback.expected_head),
                                std::move(done));
      });
}

}  // namespace mneme
