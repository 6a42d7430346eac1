#include "server/observe/metrics_server.h"

#include <prometheus/exposer.h>

#include <exception>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"

namespace mneme {

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Create(
    const std::string& address, std::shared_ptr<Metrics> metrics) {
  try {
    auto exposer = std::make_unique<prometheus::Exposer>(address);
    if (exposer->GetListeningPorts().empty()) {
      return absl::UnavailableError(
          absl::StrCat("metrics: nothing listens on '", address, "'"));
    }
    exposer->RegisterCollectable(metrics);
    return absl::WrapUnique(
        new MetricsServer(std::move(exposer), std::move(metrics)));
  } catch (const std::exception& error) {
    return absl::UnavailableError(absl::StrCat("metrics: cannot listen on '",
                                               address, "': ", error.what()));
  }
}

MetricsServer::MetricsServer(std::unique_ptr<prometheus::Exposer> exposer,
                             std::shared_ptr<Metrics> metrics)
    : metrics_(std::move(metrics)), exposer_(std::move(exposer)) {}

MetricsServer::~MetricsServer() = default;

int MetricsServer::port() const {
  return exposer_->GetListeningPorts().front();
}

}  // namespace mneme
