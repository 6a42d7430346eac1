#ifndef MNEME_SERVER_RPC_SESSIONS_SERVICE_H_
#define MNEME_SERVER_RPC_SESSIONS_SERVICE_H_

#include "mneme/v1/sessions.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace mneme {

// mneme.v1.Sessions: reads requests, asks the SessionManager, writes replies.
// Thread-safe; owns nothing; never blocks. `rpc` outlives it.
class SessionsService final : public v1::Sessions::CallbackService {
 public:
  explicit SessionsService(const RpcContext* rpc) : rpc_(rpc) {}

  grpc::ServerUnaryReactor* Open(grpc::CallbackServerContext* context,
                                 const v1::OpenSessionRequest* request,
                                 v1::Session* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const v1::GetSessionRequest* request,
                                v1::Session* reply) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const v1::ListSessionsRequest* request,
                                 v1::ListSessionsResponse* reply) override;
  grpc::ServerUnaryReactor* Close(grpc::CallbackServerContext* context,
                                  const v1::CloseSessionRequest* request,
                                  v1::CloseSessionResponse* reply) override;

 private:
  absl::StatusOr<SessionKey> ReadKey(const grpc::CallbackServerContext& context,
                                     const std::string& session_id) const;
  absl::Status TryGet(const grpc::CallbackServerContext& context,
                      const v1::GetSessionRequest& request,
                      v1::Session* reply) const;
  absl::Status TryList(const grpc::CallbackServerContext& context,
                       const v1::ListSessionsRequest& request,
                       v1::ListSessionsResponse* reply) const;

  const RpcContext* const rpc_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_SESSIONS_SERVICE_H_
