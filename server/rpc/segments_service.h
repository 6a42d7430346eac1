#ifndef MNEME_SERVER_RPC_SEGMENTS_SERVICE_H_
#define MNEME_SERVER_RPC_SEGMENTS_SERVICE_H_

#include "mneme/v1/segments.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace mneme {

// The methods of mneme.v1.Segments, with messages as bytes (message_bytes.h).
using RawSegments = v1::Segments::WithRawCallbackMethod_Stream<
    v1::Segments::WithRawCallbackMethod_Process<v1::Segments::Service>>;

// mneme.v1.Segments: makes the reactor of each call. Thread-safe; owns
// nothing. `rpc` outlives it.
class SegmentsService final : public RawSegments {
 public:
  explicit SegmentsService(const RpcContext* rpc) : rpc_(rpc) {}

  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Stream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* Process(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* reply) override;

 private:
  const RpcContext* const rpc_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_SEGMENTS_SERVICE_H_
