#ifndef MNEME_SERVER_RPC_MODELS_SERVICE_H_
#define MNEME_SERVER_RPC_MODELS_SERVICE_H_

#include "absl/status/statusor.h"
#include "mneme/v1/models.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace mneme {

// The methods of mneme.v1.Models, with messages as bytes (message_bytes.h).
using RawModels = v1::Models::WithRawCallbackMethod_List<
    v1::Models::WithRawCallbackMethod_Get<v1::Models::Service>>;

// mneme.v1.Models: what the server holds. Thread-safe; owns nothing; never
// blocks. `rpc` outlives it.
class ModelsService final : public RawModels {
 public:
  explicit ModelsService(const RpcContext* rpc) : rpc_(rpc) {}

  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request,
                                grpc::ByteBuffer* reply) override;

 private:
  absl::StatusOr<v1::ListModelsResponse> TryList(
      const grpc::ByteBuffer& bytes) const;
  absl::StatusOr<v1::Model> TryGet(const grpc::ByteBuffer& bytes) const;

  const RpcContext* const rpc_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_MODELS_SERVICE_H_
