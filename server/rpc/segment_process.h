#ifndef MNEME_SERVER_RPC_SEGMENT_PROCESS_H_
#define MNEME_SERVER_RPC_SEGMENT_PROCESS_H_

#include <grpcpp/support/server_callback.h>

#include "mneme/v1/segments.pb.h"
#include "server/rpc/rpc_context.h"

namespace mneme {

// Starts one Segments.Process call: one message and its reply. The reactor
// lives until its OnDone; `rpc`, and `request` and `reply` by gRPC's rules,
// outlive it.
grpc::ServerUnaryReactor* StartProcess(const RpcContext* rpc,
                                       grpc::CallbackServerContext* context,
                                       const v1::SegmentRequest* request,
                                       v1::SegmentReply* reply);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_SEGMENT_PROCESS_H_
