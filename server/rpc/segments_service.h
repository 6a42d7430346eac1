#ifndef MNEME_SERVER_RPC_SEGMENTS_SERVICE_H_
#define MNEME_SERVER_RPC_SEGMENTS_SERVICE_H_

#include "mneme/v1/segments.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace mneme {

// mneme.v1.Segments: makes the reactor of each call. Thread-safe; owns
// nothing. `rpc` outlives it.
class SegmentsService final : public v1::Segments::CallbackService {
 public:
  explicit SegmentsService(const RpcContext* rpc) : rpc_(rpc) {}

  grpc::ServerBidiReactor<v1::SegmentRequest, v1::SegmentReply>* Stream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Process(grpc::CallbackServerContext* context,
                                    const v1::SegmentRequest* request,
                                    v1::SegmentReply* reply) override;

 private:
  const RpcContext* const rpc_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_SEGMENTS_SERVICE_H_
