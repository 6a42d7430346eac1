#include "server/rpc/import_stream.h"

#include <grpcpp/server_context.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_error.h"
#include "server/rpc/grpc_status.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/read_request.h"
#include "server/rpc/read_sessions.h"
#include "server/rpc/write_reply.h"

namespace mneme {

grpc::ServerReadReactor<grpc::ByteBuffer>* ImportStream::Start(
    const RpcContext* rpc, const grpc::CallbackServerContext* context,
    grpc::ByteBuffer* reply) {
  const std::shared_ptr<ImportStream> stream(
      new ImportStream(rpc, context, reply));
  stream->self_ = stream;
  stream->ticket_ = rpc->calls->Enter(stream, CallRegistry::Kind::kUnary);
  stream->StartRead(&stream->bytes_);
  return stream.get();
}

void ImportStream::OnReadDone(bool ok) {
  if (!ok) return OnWhole();
  v1::ImportSessionRequest message;
  absl::Status status = ParseMessage(bytes_, &message);
  if (status.ok()) status = Take(message);
  if (!status.ok()) return GiveUp(status);
  if (!claimed_.load()) StartRead(&bytes_);
}

absl::Status ImportStream::Take(const v1::ImportSessionRequest& message) {
  RETURN_IF_ERROR(began_ ? CheckSame(message) : TakeFirst(message));
  const size_t size = request_.file.size() + message.data().size();
  if (static_cast<int64_t>(size) > largest_) {
    return FieldError("data",
                      absl::StrCat("more than ", largest_,
                                   " bytes, which no file of the model has"));
  }
  request_.file.append(message.data());
  return absl::OkStatus();
}

absl::Status ImportStream::TakeFirst(const v1::ImportSessionRequest& message) {
  ASSIGN_OR_RETURN(key_, ReadKey(*rpc_, *context_, message.session_id()));
  ASSIGN_OR_RETURN(
      request_.durability,
      ReadDurability(message.durability(), rpc_->default_durability));
  request_.model = message.model();
  ASSIGN_OR_RETURN(largest_, rpc_->manager->LargestFile(request_.model));
  ASSIGN_OR_RETURN(charge_, rpc_->bytes->Take(largest_));
  first_ = message;
  first_.clear_data();
  began_ = true;
  return absl::OkStatus();
}

absl::Status ImportStream::CheckSame(
    const v1::ImportSessionRequest& message) const {
  if (!message.session_id().empty() &&
      message.session_id() != first_.session_id()) {
    return FieldError("session_id", "another one than in the first message");
  }
  if (!message.model().empty() && message.model() != first_.model()) {
    return FieldError("model", "another one than in the first message");
  }
  if (message.durability() != v1::DURABILITY_UNSPECIFIED &&
      message.durability() != first_.durability()) {
    return FieldError("durability", "another one than in the first message");
  }
  return absl::OkStatus();
}

void ImportStream::OnWhole() {
  if (context_->IsCancelled()) return OnCancel();
  if (!began_) {
    return GiveUp(FieldError("session_id", "missing: no message came"));
  }
  if (claimed_.exchange(true)) return;
  rpc_->manager->Import(
      key_, request_, [self = self_](const absl::StatusOr<SessionInfo>& info) {
        if (info.ok()) {
          v1::Session message;
          WriteSession(*info, &message);
          *self->reply_ = MessageBytes(message);
        }
        self->End(info.status());
      });
}

void ImportStream::OnCancel() {
  GiveUp(absl::CancelledError("the caller is gone"));
}

void ImportStream::OnDone() {
  ticket_ = CallRegistry::Ticket();
  const std::shared_ptr<ImportStream> last = std::move(self_);
}

void ImportStream::Drain() { GiveUp(DrainingError(nullptr)); }
void ImportStream::CutOff() { Drain(); }

void ImportStream::GiveUp(const absl::Status& status) {
  if (!claimed_.exchange(true)) End(status);
}

void ImportStream::End(const absl::Status& status) {
  rpc_->counts->Add(RpcMethod::kImportSession, status.code());
  Finish(ToGrpcStatus(status));
}

}  // namespace mneme
