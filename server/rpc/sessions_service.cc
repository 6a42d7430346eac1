#include "server/rpc/sessions_service.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/field_error.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/read_request.h"
#include "server/rpc/unary_call.h"
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

absl::StatusOr<SessionKey> SessionsService::ReadKey(
    const grpc::CallbackServerContext& context,
    const std::string& session_id) const {
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc_->tenants, *rpc_->clock));
  return ReadSessionKey(call, session_id);
}

grpc::ServerUnaryReactor* SessionsService::Open(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  const auto open = ReadOpen(*context, *request);
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

absl::StatusOr<SessionsService::OpenCall> SessionsService::ReadOpen(
    const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::OpenSessionRequest>(bytes));
  OpenCall open;
  ASSIGN_OR_RETURN(open.key, ReadKey(context, message.session_id()));
  open.request.model = message.model();
  ASSIGN_OR_RETURN(open.request.policy, ReadPolicy(message.memory_policy()));
  ASSIGN_OR_RETURN(
      open.request.durability,
      ReadDurability(message.durability(), rpc_->default_durability));
  return open;
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
                   ReadKey(context, message.session_id()));
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
  const auto key = ReadClose(*context, *request);
  if (!key.ok()) {
    return RefusedCall(rpc_, RpcMethod::kCloseSession, key.status());
  }
  const auto call = UnaryCall::Start(rpc_, RpcMethod::kCloseSession, reply);
  rpc_->manager->Close(*key, [call](const absl::StatusOr<MemoryHandle>& last) {
    if (call->Claim()) call->End(ToMessage(last));
  });
  return call.get();
}

absl::StatusOr<SessionKey> SessionsService::ReadClose(
    const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::CloseSessionRequest>(bytes));
  return ReadKey(context, message.session_id());
}

grpc::ServerUnaryReactor* SessionsService::Rollback(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  auto read = ReadRollback(*context, *request);
  if (!read.ok()) {
    return RefusedCall(rpc_, RpcMethod::kRollbackSession, read.status());
  }
  const auto cursor = std::make_shared<Cursor>();
  const auto call =
      UnaryCall::Start(rpc_, RpcMethod::kRollbackSession, reply, cursor);
  rpc_->manager->Rollback(read->key, cursor, std::move(read->to),
                          std::move(read->expected_head),
                          [call](const absl::StatusOr<SessionInfo>& info) {
                            if (call->Claim()) call->End(ToMessage(info));
                          });
  return call.get();
}

absl::StatusOr<SessionsService::RollbackRequest> SessionsService::ReadRollback(
    const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) const {
  if (rpc_->calls->draining()) return DrainingError(nullptr);
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::RollbackSessionRequest>(bytes));
  RollbackRequest request;
  ASSIGN_OR_RETURN(request.key, ReadKey(context, message.session_id()));
  if (!message.has_to()) {
    return FieldError("to", "missing, expected a memory handle");
  }
  ASSIGN_OR_RETURN(request.to,
                   ReadHandle(message.to(), request.key.session_id, "to"));
  if (message.has_expected_head()) {
    ASSIGN_OR_RETURN(request.expected_head,
                     ReadHandle(message.expected_head(), request.key.session_id,
                                "expected_head"));
  }
  return request;
}

}  // namespace mneme
