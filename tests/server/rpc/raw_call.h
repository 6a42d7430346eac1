#ifndef MNEME_TESTS_SERVER_RPC_RAW_CALL_H_
#define MNEME_TESTS_SERVER_RPC_RAW_CALL_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <string>

namespace mneme {

// A call of a method for which there is no generated code (health and
// reflection), with messages as bytes. Each step waits for its end. Used by
// one thread.
class RawCall {
 public:
  RawCall(const std::shared_ptr<grpc::Channel>& channel,
          const std::string& method);
  ~RawCall();

  void Write(const std::string& bytes);
  // Nothing: the server has ended the call.
  std::optional<std::string> Read();
  grpc::Status Finish();

  // The one reply to one request.
  static std::string Unary(const std::shared_ptr<grpc::Channel>& channel,
                           const std::string& method,
                           const std::string& request);

 private:
  bool Wait();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  grpc::GenericStub stub_;
  std::unique_ptr<grpc::GenericClientAsyncReaderWriter> call_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_RPC_RAW_CALL_H_
