#include "server/observe/metrics_server.h"

#include <httplib.h>
#include <prometheus/text_serializer.h>

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace mneme {
namespace {

constexpr size_t kThreads = 2;
constexpr char kContentType[] = "text/plain; version=0.0.4; charset=utf-8";

// Splits HOST:PORT; the host may stand in brackets, as IPv6 addresses do.
bool SplitAddress(absl::string_view address, std::string* host, int* port) {
  const size_t colon = address.rfind(':');
  if (colon == absl::string_view::npos) return false;
  absl::string_view name = address.substr(0, colon);
  absl::ConsumePrefix(&name, "[");
  absl::ConsumeSuffix(&name, "]");
  *host = std::string(name);
  return absl::SimpleAtoi(address.substr(colon + 1), port);
}

// A restarted server takes its port again; two servers never share one.
void SetSocketOptions(socket_t socket) {
  const int yes = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
}

// The port it listens on, or -1.
int Bind(httplib::Server& server, const std::string& host, int port) {
  if (port == 0) return server.bind_to_any_port(host);
  return server.bind_to_port(host, port) ? port : -1;
}

}  // namespace

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Create(
    const std::string& address, std::shared_ptr<const Metrics> metrics) {
  auto server = std::make_unique<httplib::Server>();
  server->new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  server->set_socket_options(SetSocketOptions);
  server->set_keep_alive_max_count(1);
  server->Get("/metrics",
              [metrics = std::move(metrics)](const httplib::Request&,
                                             httplib::Response& response) {
                response.set_content(
                    prometheus::TextSerializer().Serialize(metrics->Collect()),
                    kContentType);
              });
  std::string host;
  int port = 0;
  const int bound =
      SplitAddress(address, &host, &port) ? Bind(*server, host, port) : -1;
  if (bound <= 0) {
    return absl::UnavailableError(
        absl::StrCat("--metrics: cannot listen on '", address,
                     "': the port is in use, or the host is not this machine"));
  }
  auto made = absl::WrapUnique(new MetricsServer(std::move(server), bound));
  // Once it has answered it runs; stop() has no effect before.
  httplib::Client(host, bound).Get("/");
  return made;
}

MetricsServer::MetricsServer(std::unique_ptr<httplib::Server> server, int port)
    : server_(std::move(server)),
      port_(port),
      thread_([this] { server_->listen_after_bind(); }) {}

MetricsServer::~MetricsServer() {
  server_->stop();
  thread_.join();
}

}  // namespace mneme
