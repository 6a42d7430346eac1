#include <unistd.h>

#include <atomic>
#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "client/cli/cli.h"

namespace {

std::atomic<bool> interrupted{false};

void OnSignal(int signal) {
  interrupted = true;
  std::signal(signal, SIG_DFL);  // the second one ends the program at once
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGINT, OnSignal);
  std::signal(SIGTERM, OnSignal);
  std::signal(SIGPIPE, SIG_IGN);
  mneme::cli::Environment environment{std::cout, std::cerr};
  environment.terminal = isatty(STDERR_FILENO) == 1;
  environment.interrupted = &interrupted;
  return mneme::cli::RunCli({argv + 1, argv + argc}, environment);
}
