#ifndef MNEME_SERVER_OBSERVE_METRICS_SERVER_H_
#define MNEME_SERVER_OBSERVE_METRICS_SERVER_H_

#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "server/observe/metrics.h"

namespace httplib {
class Server;
}

namespace mneme {

// Serves the metrics over HTTP at /metrics, on a port of its own and threads
// of its own. Made by Server after everything it reads; destroyed first. Used
// by one thread: Server's.
//
// Not prometheus-cpp's Exposer: its web server gives its threads stacks of
// 100 KB, in which the thread-local storage of a CUDA LibTorch does not fit, so
// that they cannot start.
class MetricsServer {
 public:
  // `address` is HOST:PORT; port 0 takes a free one. UNAVAILABLE, naming the
  // address, when it cannot listen there.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Create(
      const std::string& address, std::shared_ptr<const Metrics> metrics);
  // Waits for the scrapes under way.
  ~MetricsServer();

  int port() const { return port_; }

 private:
  MetricsServer(std::unique_ptr<httplib::Server> server, int port);

  const std::unique_ptr<httplib::Server> server_;
  const int port_;
  std::thread thread_;  // last: it runs the server
};

}  // namespace mneme

#endif  // MNEME_SERVER_OBSERVE_METRICS_SERVER_H_
