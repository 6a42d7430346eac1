#ifndef MNEME_SERVER_RPC_IMPORT_STREAM_H_
#define MNEME_SERVER_RPC_IMPORT_STREAM_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>

#include "absl/status/status.h"
#include "mneme/v1/sessions.pb.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/rpc_context.h"
#include "server/session/session_manager.h"

namespace mneme {

// Sessions.Import: reads a file to its end, then makes the session of it. A
// file that is longer than one of its model can be is refused when that is
// seen; the most that it can be is charged to the byte budget. A drain ends
// what still reads. Shared by gRPC (until OnDone) and by whoever makes the
// session.
class ImportStream final : public grpc::ServerReadReactor<grpc::ByteBuffer>,
                           public CallRegistry::Call {
 public:
  // `reply` by gRPC's rules.
  static grpc::ServerReadReactor<grpc::ByteBuffer>* Start(
      const RpcContext* rpc, const grpc::CallbackServerContext* context,
      grpc::ByteBuffer* reply);

  void OnReadDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void Drain() override;
  void CutOff() override;

 private:
  ImportStream(const RpcContext* rpc,
               const grpc::CallbackServerContext* context,
               grpc::ByteBuffer* reply)
      : rpc_(rpc), context_(context), reply_(reply) {}

  absl::Status Take(const v1::ImportSessionRequest& message);
  absl::Status TakeFirst(const v1::ImportSessionRequest& message);
  absl::Status CheckSame(const v1::ImportSessionRequest& message) const;
  void OnWhole();
  // Ends the call, unless it is ending or the session is being made.
  void GiveUp(const absl::Status& status);
  void End(const absl::Status& status);

  const RpcContext* const rpc_;
  const grpc::CallbackServerContext* const context_;
  grpc::ByteBuffer* const reply_;
  std::shared_ptr<ImportStream> self_;  // from Start to OnDone
  CallRegistry::Ticket ticket_;
  std::atomic<bool> claimed_{false};  // by the whole file, or by giving up

  grpc::ByteBuffer bytes_;  // of the message that is being read
  bool began_ = false;
  v1::ImportSessionRequest first_;  // without its data
  SessionKey key_;
  SessionManager::ImportRequest request_;
  int64_t largest_ = 0;
  ByteBudget::Charge charge_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_IMPORT_STREAM_H_
