#ifndef MNEME_SERVER_RPC_SEGMENT_PROCESS_H_
#define MNEME_SERVER_RPC_SEGMENT_PROCESS_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "server/rpc/rpc_context.h"

namespace mneme {

// Starts one Segments.Process call: one message and its reply. The reactor
// lives until its OnDone; `rpc`, and `reply` by gRPC's rules, outlive it.
grpc::ServerUnaryReactor* StartProcess(const RpcContext* rpc,
                                       grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer& request,
                                       grpc::ByteBuffer* reply);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_SEGMENT_PROCESS_H_
