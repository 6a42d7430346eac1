#ifndef MNEME_SERVER_RPC_UNARY_CALL_H_
#define MNEME_SERVER_RPC_UNARY_CALL_H_

#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/grpc_status.h"
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
  // `cursor`, if there is one, learns that the caller went away.
  static std::shared_ptr<UnaryCall> Start(CallRegistry* calls,
                                          CursorRef cursor = nullptr) {
    std::shared_ptr<UnaryCall> call(new UnaryCall(calls, std::move(cursor)));
    call->self_ = call;
    return call;
  }

  // True once: who gets it ends the call, which is alive until then.
  bool Claim() { return !claimed_.exchange(true); }
  void End(const absl::Status& status) { Finish(ToGrpcStatus(status)); }

  void OnCancel() override {
    if (cursor_ != nullptr) cursor_->cancelled = true;
    if (Claim()) End(absl::CancelledError("the caller is gone"));
  }
  void OnDone() override {
    ticket_ = CallRegistry::Ticket();
    const std::shared_ptr<UnaryCall> last = std::move(self_);
  }

 private:
  UnaryCall(CallRegistry* calls, CursorRef cursor)
      : ticket_(calls->Enter()), cursor_(std::move(cursor)) {}

  std::shared_ptr<UnaryCall> self_;  // from Start to OnDone
  CallRegistry::Ticket ticket_;
  const CursorRef cursor_;
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

inline grpc::ServerUnaryReactor* FinishedCall(const absl::Status& status) {
  return new FinishedUnaryCall(status);
}

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_UNARY_CALL_H_
