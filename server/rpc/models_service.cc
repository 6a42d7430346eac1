#include "server/rpc/models_service.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_error.h"
#include "server/rpc/message_bytes.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/write_reply.h"

namespace mneme {

grpc::ServerUnaryReactor* ModelsService::List(grpc::CallbackServerContext*,
                                              const grpc::ByteBuffer* request,
                                              grpc::ByteBuffer* reply) {
  return FinishedCall(rpc_, RpcMethod::kListModels, TryList(*request), reply);
}

absl::StatusOr<v1::ListModelsResponse> ModelsService::TryList(
    const grpc::ByteBuffer& bytes) const {
  RETURN_IF_ERROR(ParseMessage<v1::ListModelsRequest>(bytes).status());
  v1::ListModelsResponse reply;
  for (const SequenceModel* model : rpc_->manager->models()) {
    WriteModel(model->spec(), rpc_->device, reply.add_models());
  }
  return reply;
}

grpc::ServerUnaryReactor* ModelsService::Get(grpc::CallbackServerContext*,
                                             const grpc::ByteBuffer* request,
                                             grpc::ByteBuffer* reply) {
  return FinishedCall(rpc_, RpcMethod::kGetModel, TryGet(*request), reply);
}

absl::StatusOr<v1::Model> ModelsService::TryGet(
    const grpc::ByteBuffer& bytes) const {
  ASSIGN_OR_RETURN(const auto request,
                   ParseMessage<v1::GetModelRequest>(bytes));
  if (request.name().empty()) {
    return FieldError("name", "missing, expected the name of a model");
  }
  const SequenceModel* model = rpc_->manager->FindModel(request.name());
  if (model != nullptr) {
    v1::Model reply;
    WriteModel(model->spec(), rpc_->device, &reply);
    return reply;
  }
  const auto name = [](std::string* out, const SequenceModel* served) {
    out->append(served->spec().name);
  };
  return absl::NotFoundError(absl::StrCat(
      "name: no model ", Quoted(request.name()), " is served, there are: ",
      absl::StrJoin(rpc_->manager->models(), ", ", name)));
}

}  // namespace mneme
