#ifndef MNEME_TESTS_SERVER_RPC_SERVER_FIXTURE_H_
#define MNEME_TESTS_SERVER_RPC_SERVER_FIXTURE_H_

#include <grpcpp/grpcpp.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "mneme/v1/models.grpc.pb.h"
#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "server/server.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/status_matchers.h"

namespace mneme {

// What a client got of a call: code, text and the google.rpc details.
struct CallError {
  grpc::StatusCode code = grpc::StatusCode::OK;
  std::string message;
  std::string reason;
  std::string domain;
  std::map<std::string, std::string> metadata;
  double retry_seconds = -1;  // -1: none
};
CallError ErrorOf(const grpc::Status& status);

MATCHER_P2(FailsWith, code, message, "") {
  *result_listener << "code " << arg.error_code() << ": "
                   << arg.error_message();
  return arg.error_code() == code &&
         ::testing::Value(arg.error_message(), message);
}

// A whole server in this process, with the model "fake" of segments of 4
// tokens (tests/testing/fake_model.h), an in-process store unless a test gives
// another, and clients.
class ServerFixture : public ::testing::Test {
 protected:
  using StreamCall = std::unique_ptr<
      grpc::ClientReaderWriter<v1::SegmentRequest, v1::SegmentReply>>;

  // Starts it with `config_`, by the clock `clock_`. The clients' channel is
  // in process: a message is read there when the other side asks for it, so
  // nothing is buffered between the two.
  void Start();
  void SetUp() override { Start(); }
  void TearDown() override;

  // A channel through the machine's loopback, as clients have it.
  std::shared_ptr<grpc::Channel> Connect() const;

  v1::Session Open(const std::string& id, const std::string& model = "");
  grpc::Status TryOpen(const v1::OpenSessionRequest& request,
                       v1::Session* session);
  grpc::Status TryGet(const std::string& id, v1::Session* session);
  v1::Session Get(const std::string& id);
  grpc::Status Process(const v1::SegmentRequest& request,
                       v1::SegmentReply* reply);

  // A request that asks for the output "sum".
  static v1::SegmentRequest Request(const std::string& id,
                                    const std::vector<int32_t>& tokens);
  static std::vector<int32_t> Range(int32_t first, int32_t size);
  // FakeModel's memory after these.
  static int64_t Sum(const std::vector<int32_t>& tokens);
  static int64_t LastSum(const v1::SegmentReply& reply);

  // The value of a metric without labels, or with this value of its only one.
  double Metric(const std::string& name, const std::string& label = "") const;
  // RPCs that ended: of "Sessions.Open" with "OK".
  double Rpcs(const std::string& method, const std::string& code) const;
  // Returns when that metric has this value; each look is preceded by an RPC.
  void AwaitMetric(const std::string& name, double value,
                   const std::string& label = "");

  Config config_;
  Clock* clock_ = Clock::Real();
  std::unique_ptr<MemoryStore> store_;  // of the next Start(), if any
  std::vector<std::unique_ptr<SequenceModel>> more_models_;
  FakeModel* model_ = nullptr;  // the server's
  std::unique_ptr<Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::Sessions::Stub> sessions_;
  std::unique_ptr<v1::Segments::Stub> segments_;
  std::unique_ptr<v1::Models::Stub> models_;
};

}  // namespace mneme

#endif  // MNEME_TESTS_SERVER_RPC_SERVER_FIXTURE_H_
