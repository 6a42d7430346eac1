#ifndef MNEME_SERVER_RPC_GRPC_SERVER_H_
#define MNEME_SERVER_RPC_GRPC_SERVER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/rpc/rpc_context.h"

namespace grpc {
class Channel;
class Server;
}  // namespace grpc

namespace mneme {

// The gRPC side of the server: the port, the services of mneme.v1, health and
// reflection. Owns the services; its calls use `rpc`, which outlives it and
// whatever still answers them.
// Thread-safe.
class GrpcServer {
 public:
  struct Options {
    std::string address = "127.0.0.1:0";  // port 0: a free one
    int64_t max_request_bytes = int64_t{16} << 20;
    // RPCs open at once on one connection; a client waits before it starts
    // more.
    int64_t max_connection_calls = 10'000;
  };

  // Serves from the moment that it returns, with health SERVING. UNAVAILABLE,
  // naming the address, when it cannot listen there.
  static absl::StatusOr<std::unique_ptr<GrpcServer>> Create(
      const Options& options, const RpcContext* rpc);
  // Cancels every call that is still open, and waits for the cancelled.
  ~GrpcServer();

  int port() const { return port_; }
  // For clients in the same process.
  std::shared_ptr<grpc::Channel> InProcessChannel();

  // What health says of every service; SERVING at first.
  void SetServing(bool serving);
  // Health says NOT_SERVING from now on, whatever SetServing() does.
  void SetNotServing();
  // Takes no new connections, gives open calls until `grace` to end, cancels
  // the rest and waits for them. Once.
  void Shutdown(absl::Duration grace);

 private:
  struct Services;

  GrpcServer(std::unique_ptr<Services> services,
             std::unique_ptr<grpc::Server> server, int port);

  const std::unique_ptr<Services> services_;
  const std::unique_ptr<grpc::Server> server_;  // stops before its services
  const int port_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_GRPC_SERVER_H_
