#include "server/rpc/segment_process.h"

#include <memory>
#include <utility>

#include "server/base/status_macros.h"
#include "server/rpc/admit_request.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/write_reply.h"

namespace mneme {
namespace {

absl::StatusOr<AdmittedRequest> ReadProcess(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const v1::SegmentRequest& message, SessionKey* key) {
  if (rpc.calls->draining()) return DrainingError(nullptr);
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc.tenants, *rpc.clock));
  ASSIGN_OR_RETURN(*key, ReadSessionKey(call, message.session_id()));
  return AdmitRequest(rpc, call, *key, message);
}

}  // namespace

grpc::ServerUnaryReactor* StartProcess(const RpcContext* rpc,
                                       grpc::CallbackServerContext* context,
                                       const v1::SegmentRequest* request,
                                       v1::SegmentReply* reply) {
  SessionKey key;
  auto admitted = ReadProcess(*rpc, *context, *request, &key);
  if (!admitted.ok()) {
    rpc->observer->OnRequest(admitted.status(), absl::ZeroDuration());
    return FinishedCall(rpc, RpcMethod::kProcess, admitted.status());
  }
  const auto cursor = std::make_shared<Cursor>();
  const auto call = UnaryCall::Start(rpc, RpcMethod::kProcess, cursor,
                                     std::move(admitted->charge));
  rpc->manager->Process(key, cursor, std::move(admitted->request),
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
