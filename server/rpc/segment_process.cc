#include "server/rpc/segment_process.h"

#include <memory>
#include <utility>

#include "server/base/status_macros.h"
#include "server/rpc/admit_request.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/write_reply.h"

namespace mneme {
namespace {

absl::StatusOr<AdmittedRequest> ReadProcess(
    const RpcContext& rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes, SessionKey* key) {
  if (rpc.calls->draining()) return DrainingError(nullptr);
  ASSIGN_OR_RETURN(const auto message, ParseMessage<v1::SegmentRequest>(bytes));
  ASSIGN_OR_RETURN(const CallInfo call,
                   ReadCall(context, rpc.tenants, *rpc.clock));
  ASSIGN_OR_RETURN(*key, ReadSessionKey(call, message.session_id()));
  return AdmitRequest(rpc, call, *key, message);
}

absl::StatusOr<v1::SegmentReply> ToMessage(absl::StatusOr<SegmentReply> reply) {
  RETURN_IF_ERROR(reply.status());
  v1::SegmentReply message;
  WriteReply(*std::move(reply), &message);
  return message;
}

}  // namespace

grpc::ServerUnaryReactor* StartProcess(const RpcContext* rpc,
                                       grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer& request,
                                       grpc::ByteBuffer* reply) {
  SessionKey key;
  auto admitted = ReadProcess(*rpc, *context, request, &key);
  if (!admitted.ok()) {
    rpc->observer->OnRequest(admitted.status(), absl::ZeroDuration());
    return RefusedCall(rpc, RpcMethod::kProcess, admitted.status());
  }
  const auto cursor = std::make_shared<Cursor>();
  const auto call = UnaryCall::Start(rpc, RpcMethod::kProcess, reply, cursor,
                                     std::move(admitted->charge));
  rpc->manager->Process(key, cursor, std::move(admitted->request),
                        [call](absl::StatusOr<SegmentReply> applied) {
                          if (!call->Claim()) return;
                          call->End(ToMessage(std::move(applied)));
                        });
  return call.get();
}

}  // namespace mneme
