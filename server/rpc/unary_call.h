#ifndef MNEME_SERVER_RPC_UNARY_CALL_H_
#define MNEME_SERVER_RPC_UNARY_CALL_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/rpc_context.h"
#include "server/session/segment.h"

namespace mneme {

// A unary call that is answered later, from any thread. When the caller goes
// away, or a drain cuts it off, it ends at once, and the answer that comes
// later is dropped; hence shared, by gRPC (until OnDone) and by whoever will
// answer.
//
//   if (!call->Claim()) return;
//   call->End(message or status);
class UnaryCall final : public grpc::ServerUnaryReactor,
                        public CallRegistry::Call {
 public:
  // `reply` by gRPC's rules. `cursor`, if there is one, learns that nobody
  // waits any more.
  static std::shared_ptr<UnaryCall> Start(const RpcContext* rpc,
                                          RpcMethod method,
                                          grpc::ByteBuffer* reply,
                                          CursorRef cursor = nullptr) {
    std::shared_ptr<UnaryCall> call(
        new UnaryCall(rpc, method, reply, std::move(cursor)));
    call->self_ = call;
    call->ticket_ = rpc->calls->Enter(call, CallRegistry::Kind::kUnary);
    return call;
  }

  // The charge lives until gRPC has sent the reply and whoever answers is done.
  // Called once at most, by who will answer.
  void Keep(ByteBudget::Charge charge) { charge_ = std::move(charge); }
  // True once: who gets it ends the call, which is alive until then.
  bool Claim() { return !claimed_.exchange(true); }
  template <class Message>
  void End(const absl::StatusOr<Message>& answer) {
    if (answer.ok()) *reply_ = MessageBytes(*answer);
    EndWith(answer.status());
  }

  void OnCancel() override {
    GiveUp(absl::CancelledError("the caller is gone"));
  }
  void OnDone() override {
    ticket_ = CallRegistry::Ticket();
    const std::shared_ptr<UnaryCall> last = std::move(self_);
  }
  void Drain() override {}
  void CutOff() override { GiveUp(DrainingError(nullptr)); }

 private:
  UnaryCall(const RpcContext* rpc, RpcMethod method, grpc::ByteBuffer* reply,
            CursorRef cursor)
      : rpc_(rpc), method_(method), reply_(reply), cursor_(std::move(cursor)) {}

  void GiveUp(const absl::Status& status) {
    if (cursor_ != nullptr) cursor_->cancelled = true;
    if (Claim()) EndWith(status);
  }
  void EndWith(const absl::Status& status) {
    rpc_->counts->Add(method_, status.code());
    Finish(ToGrpcStatus(status));
  }

  const RpcContext* const rpc_;
  const RpcMethod method_;
  grpc::ByteBuffer* const reply_;
  std::shared_ptr<UnaryCall> self_;  // from Start to OnDone
  CallRegistry::Ticket ticket_;
  const CursorRef cursor_;
  ByteBudget::Charge charge_;
  std::atomic<bool> claimed_{false};
};

// A unary call that is answered at once.
class FinishedUnaryCall final : public grpc::ServerUnaryReactor {
 public:
  explicit FinishedUnaryCall(const absl::Status& status) {
    Finish(ToGrpcStatus(status));
  }
  void OnDone() override { delete this; }
};

inline grpc::ServerUnaryReactor* RefusedCall(const RpcContext* rpc,
                                             RpcMethod method,
                                             const absl::Status& status) {
  rpc->counts->Add(method, status.code());
  return new FinishedUnaryCall(status);
}

template <class Message>
grpc::ServerUnaryReactor* FinishedCall(const RpcContext* rpc, RpcMethod method,
                                       const absl::StatusOr<Message>& answer,
                                       grpc::ByteBuffer* reply) {
  if (answer.ok()) *reply = MessageBytes(*answer);
  return RefusedCall(rpc, method, answer.status());
}

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_UNARY_CALL_H_
