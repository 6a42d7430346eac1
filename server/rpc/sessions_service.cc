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
  return FinishedCall(rpc_, RpcMethod::kGetSession, TryGet(*context, *request),
                      reply);
}

absl::StatusOr<v1::Session> SessionsService::TryGet(
    const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::GetSessionRequest>(bytes));
  ASSIGN_OR_RETURN(const SessionKey key,
                   ReadKey(*rpc_, context, message.session_id()));
  return ToMessage(rpc_->manager->Get(key));
}

grpc::ServerUnaryReactor* SessionsService::List(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  return FinishedCall(rpc_, RpcMethod::kListSessions,
                      TryList(*context, *request), reply);
}

absl::StatusOr<v1::ListSessionsResponse> SessionsService::TryList(
    const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::ListSessionsRequest>(bytes));
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc_->tenants, *rpc_->clock));
  ASSIGN_OR_RETURN(const size_t size, ReadPageSize(message.page_size()));
  ASSIGN_OR_RETURN(const std::string after,
                   ReadPageToken(message.page_token()));
  const SessionManager::Page page =
      rpc_->manager->List(call.tenant, after, size, message.model());
  v1::ListSessionsResponse reply;
  for (const SessionInfo& info : page.sessions) {
    WriteSession(info, reply.add_sessions());
  }
  if (!page.next.empty()) {
    reply.set_next_page_token(MakePageToken(page.next));
  }
  return reply;
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
