#include "server/rpc/segments_service.h"

#include "server/rpc/segment_process.h"
#include "server/rpc/segment_stream.h"

namespace mneme {

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>*
SegmentsService::Stream(grpc::CallbackServerContext* context) {
  return SegmentStream::Start(rpc_, context);
}

grpc::ServerUnaryReactor* SegmentsService::Process(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
    grpc::ByteBuffer* reply) {
  return StartProcess(rpc_, context, *request, reply);
}

}  // namespace mneme
