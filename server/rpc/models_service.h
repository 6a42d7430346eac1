#ifndef MNEME_SERVER_RPC_MODELS_SERVICE_H_
#define MNEME_SERVER_RPC_MODELS_SERVICE_H_

#include "mneme/v1/models.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace mneme {

// mneme.v1.Models: what the server holds. Thread-safe; owns nothing; never
// blocks. `rpc` outlives it.
class ModelsService final : public v1::Models::CallbackService {
 public:
  explicit ModelsService(const RpcContext* rpc) : rpc_(rpc) {}

  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListModelsRequest* request,
                                 v1::ListModelsResponse* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const v1::GetModelRequest* request,
                                v1::Model* reply) override;

 private:
  absl::Status TryGet(const v1::GetModelRequest& request,
                      v1::Model* reply) const;

  const RpcContext* const rpc_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_MODELS_SERVICE_H_
