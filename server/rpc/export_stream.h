#ifndef MNEME_SERVER_RPC_EXPORT_STREAM_H_
#define MNEME_SERVER_RPC_EXPORT_STREAM_H_

#include <grpcpp/alarm.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/rpc_context.h"
#include "server/session/export_call.h"

namespace mneme {

// Sessions.Export: asks the session for a value, then writes the file in pieces
// of at most 1 MiB, each once the one before it was taken. The value is charged
// to the byte budget while it is here. Shared by gRPC (until OnDone) and by
// whoever reads the value.
class ExportStream final : public grpc::ServerWriteReactor<grpc::ByteBuffer>,
                           public CallRegistry::Call {
 public:
  static grpc::ServerWriteReactor<grpc::ByteBuffer>* Start(
      const RpcContext* rpc, const grpc::CallbackServerContext& context,
      const grpc::ByteBuffer& request);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;
  void Drain() override {}
  void CutOff() override;

 private:
  explicit ExportStream(const RpcContext* rpc)
      : rpc_(rpc), cursor_(std::make_shared<Cursor>()) {}

  void Begin(const grpc::CallbackServerContext& context,
             const grpc::ByteBuffer& request);
  // On the thread that read the value, which has other work.
  void OnExported(absl::StatusOr<ExportedValue> exported);
  // On a gRPC thread.
  void WriteFile();
  absl::Status MakeHeader();
  void WriteNext();
  // Ends the call, unless it is ending or the value has come.
  void GiveUp(const absl::Status& status);
  void End(const absl::Status& status);

  const RpcContext* const rpc_;
  const CursorRef cursor_;
  std::shared_ptr<ExportStream> self_;  // from Start to OnDone
  CallRegistry::Ticket ticket_;
  std::atomic<bool> claimed_{false};  // by the value, or by giving up
  std::atomic<bool> cut_off_{false};

  ExportedValue exported_;
  ByteBudget::Charge charge_;
  grpc::Alarm alarm_;
  std::string header_;
  size_t written_ = 0;  // bytes of the file
  grpc::ByteBuffer chunk_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_EXPORT_STREAM_H_
