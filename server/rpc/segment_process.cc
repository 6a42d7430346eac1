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

// A call, up to what its session's model must be known for.
struct ProcessCall {
  const RpcContext* rpc;
  CallInfo info;
  SessionKey key;
  v1::SegmentRequest message;
  ByteBudget::Charge charge;  // of the message
  CursorRef cursor = std::make_shared<Cursor>();
  std::shared_ptr<UnaryCall> unary = nullptr;
};

absl::StatusOr<ProcessCall> ReadProcess(
    const RpcContext* rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& bytes) {
  if (rpc->calls->draining()) return DrainingError(nullptr);
  ASSIGN_OR_RETURN(auto message, ParseMessage<v1::SegmentRequest>(bytes));
  ASSIGN_OR_RETURN(CallInfo info, ReadCall(context, rpc->tenants, *rpc->clock));
  ASSIGN_OR_RETURN(SessionKey key, ReadSessionKey(info, message.session_id()));
  ASSIGN_OR_RETURN(ByteBudget::Charge charge,
                   rpc->bytes->Take(static_cast<int64_t>(bytes.Length())));
  return ProcessCall{rpc, std::move(info), std::move(key), std::move(message),
                     std::move(charge)};
}

absl::StatusOr<v1::SegmentReply> ToMessage(absl::StatusOr<SegmentReply> reply) {
  RETURN_IF_ERROR(reply.status());
  v1::SegmentReply message;
  WriteReply(*std::move(reply), &message);
  return message;
}

absl::StatusOr<AdmittedRequest> Admit(
    const ProcessCall& call,
    const absl::StatusOr<const SequenceModel*>& model) {
  RETURN_IF_ERROR(model.status());
  return AdmitRequest(*call.rpc, call.info, call.key.session_id, **model,
                      call.message);
}

void Process(ProcessCall call,
             const absl::StatusOr<const SequenceModel*>& model) {
  call.charge = ByteBudget::Charge();  // what is admitted is charged anew
  absl::StatusOr<AdmittedRequest> admitted = Admit(call, model);
  if (!admitted.ok()) {
    call.rpc->observer->OnRequest(admitted.status(), absl::ZeroDuration());
    if (call.unary->Claim()) {
      call.unary->End(absl::StatusOr<v1::SegmentReply>(admitted.status()));
    }
    return;
  }
  call.unary->Keep(std::move(admitted->charge));
  call.rpc->manager->Process(
      call.key, call.cursor, std::move(admitted->request),
      [unary = call.unary](absl::StatusOr<SegmentReply> applied) {
        if (unary->Claim()) unary->End(ToMessage(std::move(applied)));
      });
}

}  // namespace

grpc::ServerUnaryReactor* StartProcess(const RpcContext* rpc,
                                       grpc::CallbackServerContext* context,
                                       const grpc::ByteBuffer& request,
                                       grpc::ByteBuffer* reply) {
  absl::StatusOr<ProcessCall> call = ReadProcess(rpc, *context, request);
  if (!call.ok()) {
    rpc->observer->OnRequest(call.status(), absl::ZeroDuration());
    return RefusedCall(rpc, RpcMethod::kProcess, call.status());
  }
  call->unary = UnaryCall::Start(rpc, RpcMethod::kProcess, reply, call->cursor);
  UnaryCall* const reactor = call->unary.get();
  const SessionKey key = call->key;
  rpc->manager->ModelOf(
      key, [call = *std::move(call)](
               const absl::StatusOr<const SequenceModel*>& model) mutable {
        Process(std::move(call), model);
      });
  return reactor;
}

}  // namespace mneme
