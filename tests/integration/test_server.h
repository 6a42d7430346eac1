#ifndef MNEME_TESTS_INTEGRATION_TEST_SERVER_H_
#define MNEME_TESTS_INTEGRATION_TEST_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <vector>

#include "mneme/v1/segments.grpc.pb.h"
#include "mneme/v1/sessions.grpc.pb.h"
#include "server/server.h"
#include "tests/integration/held_model.h"
#include "tests/parity/test_folder.h"

namespace mneme {

struct TestServerOptions {
  Clock* clock = Clock::Real();
  // There is one model folder, and the test can hold its steps: held().
  bool held = false;
};

// A whole server in this process, over a RocksDB store in a folder of its own
// that outlives Restart(), and blocking stubs to it. The calls are thread-safe;
// Start, Restart and destruction are one thread's.
class TestServer {
 public:
  // How Restart() ends the server: as SIGTERM would, or with calls open.
  enum class Ending { kDrained, kCutOff };

  // Serves these model folders.
  explicit TestServer(std::vector<std::string> models, Config config = {},
                      TestServerOptions options = {});
  // Releases held().
  ~TestServer();

  // Ends the server and starts it again, on the same port.
  void Restart(Ending ending = Ending::kDrained);

  v1::Session Open(const std::string& id, const std::string& model = "",
                   v1::MemoryPolicy policy = v1::CARRY);
  v1::Session Get(const std::string& id);
  // Retries nothing; a failed call fails the test.
  v1::SegmentReply Process(const v1::SegmentRequest& request);
  grpc::Status TryProcess(const v1::SegmentRequest& request,
                          v1::SegmentReply* reply);

  // Returns when that gauge or counter, with this value of its only label if
  // it has one, has reached `value`; each look is preceded by an RPC.
  void AwaitMetric(const std::string& name, double value,
                   const std::string& label = "");
  // The mean number of rows of the batches so far.
  double MeanBatch();

  v1::Segments::Stub& segments() { return *segments_; }
  Server& server() { return *server_; }
  HeldModel& held() { return *held_; }
  int port() const { return server_->grpc_port(); }
  // As clients reach it, through the machine's loopback.
  std::string address() const;

  // A model folder of the oracle family, segments of `segment_size`.
  static void WriteOracle(const TestFolder& folder, int64_t segment_size);

 private:
  void Start();

  const TestFolder store_;
  Config config_;
  const TestServerOptions options_;
  HeldModel* held_ = nullptr;  // the server's
  std::unique_ptr<Server> server_;
  std::unique_ptr<v1::Sessions::Stub> sessions_;
  std::unique_ptr<v1::Segments::Stub> segments_;
};

// A request at a place, for these outputs.
v1::SegmentRequest RequestAt(const std::string& id, const v1::Position& at,
                             const std::vector<int32_t>& tokens,
                             const std::vector<std::string>& outputs);

// The place after a session's last accepted token.
v1::Position PositionOf(const v1::Session& session);

}  // namespace mneme

#endif  // MNEME_TESTS_INTEGRATION_TEST_SERVER_H_
