#include "server/rpc/segment_process.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "server/base/status_macros.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/read_request.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/write_reply.h"

namespace mneme {
namespace {

absl::StatusOr<SegmentRequest> ReadProcess(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const v1::SegmentRequest& message, SessionKey* key) {
  if (rpc.calls->draining()) return DrainingError(nullptr);
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc.tenants, *rpc.clock));
  ASSIGN_OR_RETURN(*key, ReadSessionKey(call, message.session_id()));
  ASSIGN_OR_RETURN(const SequenceModel* model, rpc.manager->ModelOf(*key));
  ASSIGN_OR_RETURN(SegmentRequest request,
                   ReadSegmentRequest(message, key->session_id, model->spec()));
  RETURN_IF_ERROR(CheckReplySize(request, model->spec()));
  ASSIGN_OR_RETURN(const absl::Duration timeout, ReadTimeout(message));
  request.deadline = std::min(call.deadline, rpc.clock->Monotonic() + timeout);
  return request;
}

}  // namespace

grpc::ServerUnaryReactor* StartProcess(const RpcContext* rpc,
                                       grpc::CallbackServerContext* context,
                                       const v1::SegmentRequest* request,
                                       v1::SegmentReply* reply) {
  SessionKey key;
  auto segment = ReadProcess(*rpc, *context, *request, &key);
  if (!segment.ok()) {
    rpc->observer->OnRequest(segment.status(), absl::ZeroDuration());
    return FinishedCall(segment.status());
  }
  const auto cursor = std::make_shared<Cursor>();
  const auto call = UnaryCall::Start(rpc->calls, cursor);
  rpc->manager->Process(key, cursor, *std::move(segment),
                        [call, reply](absl::StatusOr<SegmentReply> answer) {
                          if (!call->Claim()) return;
                          const absl::Status status = answer.status();
                          if (status.ok())
                            WriteReply(*std::move(answer), reply);
                          call->End(status);
                        });
  return call.get();
}

}  // namespace mneme
