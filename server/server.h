#ifndef MNEME_SERVER_SERVER_H_
#define MNEME_SERVER_SERVER_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "model/sequence_model.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/config.h"
#include "server/observe/metrics.h"
#include "server/observe/metrics_server.h"
#include "server/observe/rpc_counts.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_registry.h"
#include "server/rpc/grpc_server.h"
#include "server/schedule/scheduler.h"
#include "server/session/memory_tiers.h"
#include "server/session/prefix_index.h"
#include "server/session/session_manager.h"
#include "server/store/memory_store.h"
#include "server/store/store_writer.h"

namespace mneme {

// A whole mnemed: owns every part and wires them, bottom up. main() runs one;
// integration tests start it in their own process.
//
// Lifecycle: Create (it serves when it returns) -> Drain -> destruction, which
// also ends a server that was not drained: what is open is cancelled, what is
// acknowledged is kept. Thread-safe, but Drain and the destructor: one thread.
class Server {
 public:
  // What tests put in place of the real thing.
  struct Parts {
    Clock* clock = Clock::Real();        // not owned; outlives the server
    std::unique_ptr<MemoryStore> store;  // null: config.store; of that clock
    // Served beside those of config.models, which may then be empty.
    std::vector<std::unique_ptr<SequenceModel>> models;
  };

  // Loads the models, opens the store, brings back its sessions, listens.
  static absl::StatusOr<std::unique_ptr<Server>> Create(const Config& config);
  static absl::StatusOr<std::unique_ptr<Server>> Create(const Config& config,
                                                        Parts parts);
  ~Server();

  int grpc_port() const { return grpc_->port(); }
  // 0 when metrics are not served.
  int metrics_port() const {
    return metrics_server_ == nullptr ? 0 : metrics_server_->port();
  }
  std::shared_ptr<grpc::Channel> InProcessChannel();
  std::vector<prometheus::MetricFamily> CollectMetrics() const;

  // Ends serving: health says NOT_SERVING, Open is refused, nothing more is
  // read; what was read is applied, committed and answered, and each stream
  // ends with DRAINING and its last handle. Streams that are not done shortly
  // before `timeout` end so without their answers, and other calls are
  // cancelled: then the result is false, and destruction may still wait for a
  // step on the device. An error means that something acknowledged
  // may not be in the store.
  absl::StatusOr<bool> Drain(absl::Duration timeout);

 private:
  Server(const Config& config, Parts parts);

  absl::Status LoadModels();
  absl::Status AddModel(std::unique_ptr<SequenceModel> model,
                        const std::string& source);
  absl::Status OpenStore();
  absl::Status StartSessions();
  absl::Status Listen();
  ServerLevels Levels() const;
  // Health follows the store; called by the store writer.
  void OnStoreHealth(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);

  const Config config_;
  Clock* const clock_;
  std::vector<std::unique_ptr<SequenceModel>> given_models_;

  // In the order in which they are made; each uses those above it.
  std::map<std::string, std::unique_ptr<SequenceModel>> models_;
  std::unique_ptr<MemoryStore> store_;
  const std::shared_ptr<Metrics> metrics_;  // shared with the metrics server
  RpcCounts rpc_counts_;
  ByteBudget bytes_;  // before whatever ends a message: it holds charges
  Mutex mu_;  // held while health is told, so that the last to tell is right
  bool store_up_ ABSL_GUARDED_BY(mu_) = true;
  GrpcServer* serving_ ABSL_GUARDED_BY(mu_) = nullptr;  // grpc_, while it lives
  RpcContext rpc_;  // what ends a call late uses it too
  std::unique_ptr<StoreWriter> writer_;
  std::unique_ptr<MemoryTiers> tiers_;
  std::unique_ptr<PrefixIndex> prefixes_;  // null: off
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<SessionManager> manager_;
  CallRegistry calls_;
  std::unique_ptr<GrpcServer> grpc_;
  std::unique_ptr<MetricsServer> metrics_server_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SERVER_H_
