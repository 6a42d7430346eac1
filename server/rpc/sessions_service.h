#ifndef MNEME_SERVER_RPC_SESSIONS_SERVICE_H_
#define MNEME_SERVER_RPC_SESSIONS_SERVICE_H_

#include "absl/status/statusor.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "server/rpc/rpc_context.h"

namespace mneme {

// The methods of mneme.v1.Sessions, with messages as bytes (message_bytes.h).
using RawSessions = v1::Sessions::WithRawCallbackMethod_Open<
    v1::Sessions::WithRawCallbackMethod_Get<
        v1::Sessions::WithRawCallbackMethod_List<
            v1::Sessions::WithRawCallbackMethod_Close<
                v1::Sessions::WithRawCallbackMethod_Rollback<
                    v1::Sessions::WithRawCallbackMethod_Touch<
                        v1::Sessions::WithRawCallbackMethod_Fork<
                            v1::Sessions::WithRawCallbackMethod_Export<
                                v1::Sessions::WithRawCallbackMethod_Import<
                                    v1::Sessions::WithRawCallbackMethod_Watch<
                                        v1::Sessions::Service>>>>>>>>>>;

// mneme.v1.Sessions: reads requests, asks the SessionManager, writes replies.
// Thread-safe; owns nothing; never blocks. `rpc` outlives it.
class SessionsService final : public RawSessions {
 public:
  explicit SessionsService(const RpcContext* rpc) : rpc_(rpc) {}

  grpc::ServerUnaryReactor* Open(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Get(grpc::CallbackServerContext* context,
                                const grpc::ByteBuffer* request,
                                grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* List(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Close(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Touch(grpc::CallbackServerContext* context,
                                  const grpc::ByteBuffer* request,
                                  grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Fork(grpc::CallbackServerContext* context,
                                 const grpc::ByteBuffer* request,
                                 grpc::ByteBuffer* reply) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Export(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(
      grpc::CallbackServerContext* context,
      const grpc::ByteBuffer* request) override;
  grpc::ServerReadReactor<grpc::ByteBuffer>* Import(
      grpc::CallbackServerContext* context, grpc::ByteBuffer* reply) override;
  grpc::ServerUnaryReactor* Rollback(grpc::CallbackServerContext* context,
                                     const grpc::ByteBuffer* request,
                                     grpc::ByteBuffer* reply) override;

 private:
  // A call that changes a session, after the messages sent before, and gives
  // it: `ask` gets the request, a cursor for the caller, and where to answer.
  template <typename Request, typename Ask>
  grpc::ServerUnaryReactor* Change(RpcMethod method,
                                   absl::StatusOr<Request> request,
                                   grpc::ByteBuffer* reply, Ask ask);

  const RpcContext* const rpc_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_SESSIONS_SERVICE_H_
