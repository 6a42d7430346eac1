#include "server/rpc/read_sessions.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "mneme/v1/sessions.pb.h"
#include "server/base/status_macros.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/field_error.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/read_request.h"
#include "server/rpc/wire_time.h"
#include "server/session/request_check.h"

namespace mneme {
namespace {

using WireHandles = google::protobuf::RepeatedPtrField<v1::MemoryHandle>;

absl::StatusOr<std::vector<MemoryHandle>> ReadHandles(
    const WireHandles& handles, const std::string& session_id,
    absl::string_view field) {
  std::vector<MemoryHandle> read;
  for (const v1::MemoryHandle& handle : handles) {
    const std::string name = absl::StrCat(field, "[", read.size(), "]");
    ASSIGN_OR_RETURN(MemoryHandle one, ReadHandle(handle, session_id, name));
    read.push_back(std::move(one));
  }
  return read;
}

absl::StatusOr<std::optional<MemoryHandle>> ReadOptional(
    bool there, const v1::MemoryHandle& handle, const std::string& session_id,
    absl::string_view field) {
  if (!there) return std::nullopt;
  ASSIGN_OR_RETURN(MemoryHandle read, ReadHandle(handle, session_id, field));
  return read;
}

absl::StatusOr<std::optional<absl::Duration>> ReadTtl(
    bool there, const google::protobuf::Duration& message,
    absl::string_view field) {
  if (!there) return std::nullopt;
  const absl::StatusOr<absl::Duration> ttl = FromWire(message);
  if (!ttl.ok()) return FieldError(field, ttl.status().message());
  // Records keep whole microseconds.
  if (*ttl > absl::ZeroDuration()) return std::max(*ttl, absl::Microseconds(1));
  return FieldError(field, absl::StrCat("expected more than 0, got ",
                                        absl::FormatDuration(*ttl)));
}

}  // namespace

absl::StatusOr<SessionKey> ReadKey(const RpcContext& rpc,
                                   const grpc::CallbackServerContext& context,
                                   const std::string& session_id) {
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc.tenants, *rpc.clock));
  return ReadSessionKey(call, session_id);
}

absl::StatusOr<SessionKey> ReadGet(const RpcContext& rpc,
                                   const grpc::CallbackServerContext& context,
                                   const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::GetSessionRequest>(bytes));
  return ReadKey(rpc, context, message.session_id());
}

absl::StatusOr<ListRequest> ReadList(const RpcContext& rpc,
                                     const grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::ListSessionsRequest>(bytes));
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc.tenants, *rpc.clock));
  ListRequest request;
  request.tenant = call.tenant;
  request.model = message.model();
  request.prefix = message.session_id_prefix();
  if (!request.prefix.empty()) {
    RETURN_IF_ERROR(CheckSessionId(request.prefix, "session_id_prefix"));
  }
  ASSIGN_OR_RETURN(request.limit, ReadPageSize(message.page_size()));
  ASSIGN_OR_RETURN(request.after, ReadPageToken(message.page_token()));
  return request;
}

absl::StatusOr<OpenSession> ReadOpen(const RpcContext& rpc,
                                     const grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::OpenSessionRequest>(bytes));
  OpenSession open;
  ASSIGN_OR_RETURN(open.key, ReadKey(rpc, context, message.session_id()));
  open.request.model = message.model();
  ASSIGN_OR_RETURN(open.request.policy, ReadPolicy(message.memory_policy()));
  ASSIGN_OR_RETURN(
      open.request.durability,
      ReadDurability(message.durability(), rpc.default_durability));
  ASSIGN_OR_RETURN(
      open.request.idle_ttl,
      ReadTtl(message.has_idle_ttl(), message.idle_ttl(), "idle_ttl"));
  ASSIGN_OR_RETURN(open.request.max_age, ReadTtl(message.has_max_age(),
                                                 message.max_age(), "max_age"));
  return open;
}

absl::StatusOr<CloseSession> ReadClose(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::CloseSessionRequest>(bytes));
  CloseSession close;
  ASSIGN_OR_RETURN(close.key, ReadKey(rpc, context, message.session_id()));
  close.erase = message.erase();
  return close;
}

absl::StatusOr<SessionFilter> ReadWatch(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::WatchSessionsRequest>(bytes));
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc.tenants, *rpc.clock));
  SessionFilter filter;
  filter.tenant = call.tenant;
  for (const std::string& id : message.session_ids()) {
    RETURN_IF_ERROR(CheckSessionId(
        id, absl::StrCat("session_ids[", filter.session_ids.size(), "]")));
    filter.session_ids.insert(id);
  }
  return filter;
}

absl::StatusOr<TouchSession> ReadTouch(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::TouchSessionRequest>(bytes));
  TouchSession touch;
  ASSIGN_OR_RETURN(touch.key, ReadKey(rpc, context, message.session_id()));
  const std::string& id = touch.key.session_id;
  ASSIGN_OR_RETURN(touch.change.pin, ReadHandles(message.pin(), id, "pin"));
  ASSIGN_OR_RETURN(touch.change.unpin,
                   ReadHandles(message.unpin(), id, "unpin"));
  ASSIGN_OR_RETURN(
      touch.change.idle_ttl,
      ReadTtl(message.has_idle_ttl(), message.idle_ttl(), "idle_ttl"));
  ASSIGN_OR_RETURN(touch.change.max_age, ReadTtl(message.has_max_age(),
                                                 message.max_age(), "max_age"));
  return touch;
}

absl::StatusOr<ForkSession> ReadFork(const RpcContext& rpc,
                                     const grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::ForkSessionRequest>(bytes));
  ForkSession fork;
  ASSIGN_OR_RETURN(fork.key, ReadKey(rpc, context, message.session_id()));
  fork.fork_id = message.fork_id();
  ASSIGN_OR_RETURN(fork.from, ReadOptional(message.has_from(), message.from(),
                                           fork.key.session_id, "from"));
  return fork;
}

absl::StatusOr<ExportSession> ReadExport(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::ExportSessionRequest>(bytes));
  ExportSession read;
  ASSIGN_OR_RETURN(read.key, ReadKey(rpc, context, message.session_id()));
  ASSIGN_OR_RETURN(read.from, ReadOptional(message.has_from(), message.from(),
                                           read.key.session_id, "from"));
  return read;
}

absl::StatusOr<RollbackSession> ReadRollback(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) {
  ASSIGN_OR_RETURN(const auto message,
                   ParseMessage<v1::RollbackSessionRequest>(bytes));
  RollbackSession rollback;
  ASSIGN_OR_RETURN(rollback.key, ReadKey(rpc, context, message.session_id()));
  const std::string& id = rollback.key.session_id;
  if (!message.has_to()) {
    return FieldError("to", "missing, expected a memory handle");
  }
  ASSIGN_OR_RETURN(rollback.to, ReadHandle(message.to(), id, "to"));
  ASSIGN_OR_RETURN(rollback.expected_head,
                   ReadOptional(message.has_expected_head(),
                                message.expected_head(), id, "expected_head"));
  return rollback;
}

}  // namespace mneme
