#ifndef MNEME_SERVER_RPC_READ_SESSIONS_H_
#define MNEME_SERVER_RPC_READ_SESSIONS_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/rpc/rpc_context.h"
#include "server/session/session_manager.h"

namespace mneme {

// The requests of mneme.v1.Sessions as they came -> values of the session
// layer. Errors are INVALID_ARGUMENT, which names the field, and those of
// ReadCall and ReadSessionKey. Pure functions: any thread may call them.

// Whose call it is and which session it is about.
absl::StatusOr<SessionKey> ReadKey(const RpcContext& rpc,
                                   const grpc::CallbackServerContext& context,
                                   const std::string& session_id);

absl::StatusOr<SessionKey> ReadGet(const RpcContext& rpc,
                                   const grpc::CallbackServerContext& context,
                                   const grpc::ByteBuffer& bytes);

absl::StatusOr<ListRequest> ReadList(const RpcContext& rpc,
                                     const grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& bytes);

struct OpenSession {
  SessionKey key;
  SessionManager::OpenRequest request;
};
absl::StatusOr<OpenSession> ReadOpen(const RpcContext& rpc,
                                     const grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& bytes);

struct CloseSession {
  SessionKey key;
  bool erase = false;
};
absl::StatusOr<CloseSession> ReadClose(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes);

absl::StatusOr<SessionFilter> ReadWatch(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes);

struct TouchSession {
  SessionKey key;
  TouchChange change;
};
absl::StatusOr<TouchSession> ReadTouch(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes);

struct ForkSession {
  SessionKey key;
  std::string fork_id;
  std::optional<MemoryHandle> from;
};
absl::StatusOr<ForkSession> ReadFork(const RpcContext& rpc,
                                     const grpc::CallbackServerContext& context,
                                     const grpc::ByteBuffer& bytes);

struct ExportSession {
  SessionKey key;
  std::optional<MemoryHandle> from;
};
absl::StatusOr<ExportSession> ReadExport(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes);

struct RollbackSession {
  SessionKey key;
  MemoryHandle to;
  std::optional<MemoryHandle> expected_head;
};
absl::StatusOr<RollbackSession> ReadRollback(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_READ_SESSIONS_H_
