#include "server/rpc/export_stream.h"

#include <algorithm>
#include <utility>

#include "mneme/v1/sessions.pb.h"
#include "server/base/status_macros.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/read_sessions.h"

namespace mneme {
namespace {

constexpr size_t kChunkBytes = 1 << 20;

}  // namespace

grpc::ServerWriteReactor<grpc::ByteBuffer>* ExportStream::Start(
    const RpcContext* rpc, const grpc::CallbackServerContext& context,
    const grpc::ByteBuffer& request) {
  const std::shared_ptr<ExportStream> stream(new ExportStream(rpc));
  stream->self_ = stream;
  stream->ticket_ = rpc->calls->Enter(stream, CallRegistry::Kind::kUnary);
  stream->Begin(context, request);
  return stream.get();
}

void ExportStream::Begin(const grpc::CallbackServerContext& context,
                         const grpc::ByteBuffer& request) {
  absl::StatusOr<ExportSession> read = ReadExport(*rpc_, context, request);
  if (rpc_->calls->draining()) read = DrainingError(nullptr);
  if (!read.ok()) return GiveUp(read.status());
  rpc_->manager->Export(read->key, cursor_, std::move(read->from),
                        [self = self_](absl::StatusOr<ExportedValue> exported) {
                          self->OnExported(std::move(exported));
                        });
}

void ExportStream::OnExported(absl::StatusOr<ExportedValue> exported) {
  if (!exported.ok()) return GiveUp(exported.status());
  if (claimed_.exchange(true)) return;
  exported_ = *std::move(exported);
  alarm_.Set(gpr_now(GPR_CLOCK_MONOTONIC),
             [this](bool /*fired*/) { WriteFile(); });
}

void ExportStream::WriteFile() {
  const absl::Status status = MakeHeader();
  status.ok() ? WriteNext() : End(status);
}

absl::Status ExportStream::MakeHeader() {
  ASSIGN_OR_RETURN(charge_, rpc_->bytes->Take(
                                static_cast<int64_t>(exported_.value->size())));
  ASSIGN_OR_RETURN(header_, rpc_->manager->FileHeader(exported_));
  return absl::OkStatus();
}

void ExportStream::WriteNext() {
  const std::string& value = *exported_.value;
  if (written_ == header_.size() + value.size()) return End(absl::OkStatus());
  if (cut_off_.load()) return End(DrainingError(nullptr));
  const bool in_header = written_ < header_.size();
  const std::string& from = in_header ? header_ : value;
  const size_t at = in_header ? written_ : written_ - header_.size();
  v1::ExportSessionChunk message;
  message.set_data(from.substr(at, kChunkBytes));
  written_ += message.data().size();
  chunk_ = MessageBytes(message);
  StartWrite(&chunk_);
}

void ExportStream::OnWriteDone(bool ok) {
  ok ? WriteNext() : End(absl::CancelledError("the caller is gone"));
}

void ExportStream::OnCancel() {
  GiveUp(absl::CancelledError("the caller is gone"));
}

void ExportStream::CutOff() {
  cut_off_ = true;
  GiveUp(DrainingError(nullptr));
}

void ExportStream::OnDone() {
  ticket_ = CallRegistry::Ticket();
  const std::shared_ptr<ExportStream> last = std::move(self_);
}

void ExportStream::GiveUp(const absl::Status& status) {
  cursor_->cancelled = true;
  if (!claimed_.exchange(true)) End(status);
}

void ExportStream::End(const absl::Status& status) {
  rpc_->counts->Add(RpcMethod::kExportSession, status.code());
  Finish(ToGrpcStatus(status));
}

}  // namespace mneme
