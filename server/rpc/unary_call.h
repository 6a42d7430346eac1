#ifndef MNEME_SERVER_RPC_UNARY_CALL_H_
#define MNEME_SERVER_RPC_UNARY_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/rpc_context.h"
#include "server/session/segment.h"

namespace mneme {

// A unary call that is answered later, from any thread. When the caller goes
// away it ends at once, and the answer that comes later is dropped; hence
// shared, by gRPC (until OnDone) and by whoever will answer.
//
//   if (!call->Claim()) return;  // else: fill the reply's message, and
//   call->End(status);
class UnaryCall final : public grpc::ServerUnaryReactor {
 public:
  // `cursor`, if there is one, learns that the caller went away. `charge` lives
  // until gRPC has sent the reply and whoever answers is done.
  static std::shared_ptr<UnaryCall> Start(const RpcContext* rpc,
                                          RpcMethod method,
                                          CursorRef cursor = nullptr,
                                          ByteBudget::Charge charge = {}) {
    std::shared_ptr<UnaryCall> call(
        new UnaryCall(rpc, method, std::move(cursor), std::move(charge)));
    call->self_ = call;
    return call;
  }

  // True once: who gets it ends the call, which is alive until then.
  bool Claim() { return !claimed_.exchange(true); }
  void End(const absl::Status& status) {
    rpc_->counts->Add(method_, status.code());
    Finish(ToGrpcStatus(status));
  }

  void OnCancel() override {
    if (cursor_ != nullptr) cursor_->cancelled = true;
    if (Claim()) End(absl::CancelledError("the caller is gone"));
  }
  void OnDone() override {
    ticket_ = CallRegistry::Ticket();
    const std::shared_ptr<UnaryCall> last = std::move(self_);
  }

 private:
  UnaryCall(const RpcContext* rpc, RpcMethod method, CursorRef cursor,
            ByteBudget::Charge charge)
      : rpc_(rpc),
        method_(method),
        ticket_(rpc->calls->Enter()),
        cursor_(std::move(cursor)),
        charge_(std::move(charge)) {}

  const RpcContext* const rpc_;
  const RpcMethod method_;
  std::shared_ptr<UnaryCall> self_;  // from Start to OnDone
  CallRegistry::Ticket ticket_;
  const CursorRef cursor_;
  const ByteBudget::Charge charge_;
  std::atomic<bool> claimed_{false};
};

// A unary call whose reply is filled, or that failed, already.
class FinishedUnaryCall final : public grpc::ServerUnaryReactor {
 public:
  explicit FinishedUnaryCall(const absl::Status& status) {
    Finish(ToGrpcStatus(status));
  }
  void OnDone() override { delete this; }
};

inline grpc::ServerUnaryReactor* FinishedCall(const RpcContext* rpc,
                                              RpcMethod method,
                                              const absl::Status& status) {
  rpc->counts->Add(method, status.code());
  return new FinishedUnaryCall(status);
}

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_UNARY_CALL_H_
