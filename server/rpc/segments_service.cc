#include "server/rpc/segments_service.h"

#include "server/rpc/segment_process.h"
#include "server/rpc/segment_stream.h"

namespace mneme {

grpc::ServerBidiReactor<v1::SegmentRequest, v1::SegmentReply>*
SegmentsService::Stream(grpc::CallbackServerContext* context) {
  return SegmentStream::Start(rpc_, context);
}

grpc::ServerUnaryReactor* SegmentsService::Process(
    grpc::CallbackServerContext* context, const v1::SegmentRequest* request,
    v1::SegmentReply* reply) {
  return StartProcess(rpc_, context, request, reply);
}

}  // namespace mneme
