#include "server/rpc/sessions_service.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/read_request.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/write_reply.h"

namespace mneme {
namespace {

absl::StatusOr<SessionManager::OpenRequest> ReadOpen(
    const v1::OpenSessionRequest& message, Durability unspecified) {
  SessionManager::OpenRequest request;
  request.model = message.model();
  ASSIGN_OR_RETURN(request.policy, ReadPolicy(message.memory_policy()));
  ASSIGN_OR_RETURN(request.durability,
                   ReadDurability(message.durability(), unspecified));
  return request;
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
    grpc::CallbackServerContext* context, const v1::OpenSessionRequest* request,
    v1::Session* reply) {
  const auto key = ReadKey(*context, request->session_id());
  if (!key.ok())
    return FinishedCall(rpc_, RpcMethod::kOpenSession, key.status());
  const auto open = ReadOpen(*request, rpc_->default_durability);
  if (!open.ok())
    return FinishedCall(rpc_, RpcMethod::kOpenSession, open.status());
  const auto call = UnaryCall::Start(rpc_, RpcMethod::kOpenSession);
  rpc_->manager->Open(*key, *open,
                      [call, reply](absl::StatusOr<SessionInfo> info) {
                        if (!call->Claim()) return;
                        if (info.ok()) WriteSession(*info, reply);
                        call->End(info.status());
                      });
  return call.get();
}

grpc::ServerUnaryReactor* SessionsService::Get(
    grpc::CallbackServerContext* context, const v1::GetSessionRequest* request,
    v1::Session* reply) {
  return FinishedCall(rpc_, RpcMethod::kGetSession,
                      TryGet(*context, *request, reply));
}

absl::Status SessionsService::TryGet(const grpc::CallbackServerContext& context,
                                     const v1::GetSessionRequest& request,
                                     v1::Session* reply) const {
  ASSIGN_OR_RETURN(const SessionKey key,
                   ReadKey(context, request.session_id()));
  ASSIGN_OR_RETURN(const SessionInfo info, rpc_->manager->Get(key));
  WriteSession(info, reply);
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SessionsService::List(
    grpc::CallbackServerContext* context,
    const v1::ListSessionsRequest* request, v1::ListSessionsResponse* reply) {
  return FinishedCall(rpc_, RpcMethod::kListSessions,
                      TryList(*context, *request, reply));
}

absl::Status SessionsService::TryList(
    const grpc::CallbackServerContext& context,
    const v1::ListSessionsRequest& request,
    v1::ListSessionsResponse* reply) const {
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc_->tenants, *rpc_->clock));
  ASSIGN_OR_RETURN(const size_t size, ReadPageSize(request.page_size()));
  ASSIGN_OR_RETURN(const std::string after,
                   ReadPageToken(request.page_token()));
  const SessionManager::Page page =
      rpc_->manager->List(call.tenant, after, size, request.model());
  for (const SessionInfo& info : page.sessions) {
    WriteSession(info, reply->add_sessions());
  }
  if (!page.next.empty()) {
    reply->set_next_page_token(MakePageToken(page.next));
  }
  return absl::OkStatus();
}

grpc::ServerUnaryReactor* SessionsService::Close(
    grpc::CallbackServerContext* context,
    const v1::CloseSessionRequest* request, v1::CloseSessionResponse* reply) {
  const auto key = ReadKey(*context, request->session_id());
  if (!key.ok())
    return FinishedCall(rpc_, RpcMethod::kCloseSession, key.status());
  const auto call = UnaryCall::Start(rpc_, RpcMethod::kCloseSession);
  rpc_->manager->Close(*key, [call, reply](absl::StatusOr<MemoryHandle> last) {
    if (!call->Claim()) return;
    if (last.ok()) WriteHandle(*last, reply->mutable_last());
    call->End(last.status());
  });
  return call.get();
}

}  // namespace mneme
