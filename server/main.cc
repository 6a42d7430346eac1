#include <pthread.h>
#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/kill_point.h"
#include "server/config.h"
#include "server/observe/logs.h"
#include "server/server.h"

namespace mneme {
namespace {

constexpr int kFailed = 1;
constexpr int kBadFlags = 2;

// Before any thread: they all inherit it, so that only sigwait() sees these.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

std::string WithPort(const std::string& address, int port) {
  if (address.empty()) return "nowhere";
  return absl::StrCat(address.substr(0, address.rfind(':') + 1), port);
}

int Serve(const Config& config) {
  const sigset_t stop_signals = BlockStopSignals();
  const auto server = Server::Create(config);
  if (!server.ok()) {
    absl::FPrintF(stderr, "mnemed: %s\n", server.status().message());
    return kFailed;
  }
  absl::PrintF("mnemed: serving grpc on %s, metrics on %s\n",
               WithPort(config.listen, (*server)->grpc_port()),
               WithPort(config.metrics, (*server)->metrics_port()));
  std::fflush(stdout);

  int signal = 0;
  sigwait(&stop_signals, &signal);
  spdlog::info("signal {}: draining, at most {}", signal,
               absl::FormatDuration(config.drain_timeout));
  const auto clean = (*server)->Drain(config.drain_timeout);
  if (!clean.ok()) {
    absl::FPrintF(stderr, "mnemed: the store could not be written: %s\n",
                  clean.status().message());
    return kFailed;
  }
  spdlog::info("drained{}", *clean ? "" : ", but for what took too long");
  // All that was acknowledged is safe: a step that hangs keeps nobody waiting.
  if (!*clean) std::_Exit(0);
  return 0;
}

int Main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  const auto line = ParseCommandLine(arguments);
  if (!line.ok()) {
    absl::FPrintF(stderr, "mnemed: %s\nRun mnemed --help for all flags.\n",
                  line.status().message());
    return kBadFlags;
  }
  if (!line->print.empty()) {
    absl::PrintF("%s", line->print);
    return 0;
  }
  if (!SetUpLogs(line->config.log_level).ok()) return kBadFlags;
  if (const auto armed = ArmKillPointFromEnvironment(); !armed.ok()) {
    absl::FPrintF(stderr, "mnemed: %s\n", armed.message());
    return kBadFlags;
  }
  return Serve(line->config);
}

}  // namespace
}  // namespace mneme

int main(int argc, char** argv) { return mneme::Main(argc, argv); }
