#include "server/rpc/models_service.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/rpc/field_error.h"
#include "server/rpc/unary_call.h"
#include "server/rpc/write_reply.h"

namespace mneme {

grpc::ServerUnaryReactor* ModelsService::List(grpc::CallbackServerContext*,
                                              const v1::ListModelsRequest*,
                                              v1::ListModelsResponse* reply) {
  for (const SequenceModel* model : rpc_->manager->models()) {
    WriteModel(model->spec(), rpc_->device, reply->add_models());
  }
  return FinishedCall(rpc_, RpcMethod::kListModels, absl::OkStatus());
}

grpc::ServerUnaryReactor* ModelsService::Get(grpc::CallbackServerContext*,
                                             const v1::GetModelRequest* request,
                                             v1::Model* reply) {
  return FinishedCall(rpc_, RpcMethod::kGetModel, TryGet(*request, reply));
}

absl::Status ModelsService::TryGet(const v1::GetModelRequest& request,
                                   v1::Model* reply) const {
  if (request.name().empty()) {
    return FieldError("name", "missing, expected the name of a model");
  }
  const SequenceModel* model = rpc_->manager->FindModel(request.name());
  if (model != nullptr) {
    WriteModel(model->spec(), rpc_->device, reply);
    return absl::OkStatus();
  }
  const auto name = [](std::string* out, const SequenceModel* served) {
    out->append(served->spec().name);
  };
  return absl::NotFoundError(absl::StrCat(
      "name: no model ", Quoted(request.name()), " is served, there are: ",
      absl::StrJoin(rpc_->manager->models(), ", ", name)));
}

}  // namespace mneme
