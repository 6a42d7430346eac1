#ifndef MNEME_SERVER_OBSERVE_METRICS_SERVER_H_
#define MNEME_SERVER_OBSERVE_METRICS_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/observe/metrics.h"

namespace prometheus {
class Exposer;
}

namespace mneme {

// Serves the metrics over HTTP at /metrics, on a port of its own and threads
// of its own. Made by Server after everything it reads; destroyed first.
class MetricsServer {
 public:
  // `address` is HOST:PORT; port 0 takes a free one. INVALID_ARGUMENT or
  // UNAVAILABLE, naming the address, when it cannot listen there.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Create(
      const std::string& address, std::shared_ptr<Metrics> metrics);
  ~MetricsServer();

  int port() const;

 private:
  MetricsServer(std::unique_ptr<prometheus::Exposer> exposer,
                std::shared_ptr<Metrics> metrics);

  // Shared because the exposer holds only a weak reference.
  const std::shared_ptr<Metrics> metrics_;
  const std::unique_ptr<prometheus::Exposer> exposer_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_OBSERVE_METRICS_SERVER_H_
