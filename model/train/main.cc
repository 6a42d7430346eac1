#include <atomic>
#include <csignal>
#include <cstdio>
#include <string>

#include "CLI/CLI.hpp"
#include "model/train/lm_flags.h"
#include "model/train/lm_task.h"

namespace {

std::atomic<bool> stop{false};

void Stop(int) { stop.store(true); }

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Trains segment-recurrent models into Mneme model folders.",
               "mneme-train");
  app.require_subcommand(1);
  mneme::LmOptions options;
  CLI::App* lm = app.add_subcommand(
      "lm",
      "A byte language model with recurrent memory. Ctrl-C ends a run as "
      "--seconds does: with a checkpoint and a model folder.");
  mneme::AddLmFlags(lm, &options);
  CLI11_PARSE(app, argc, argv);
  std::signal(SIGINT, Stop);
  std::signal(SIGTERM, Stop);
  const auto scores = mneme::RunLmTask(options, mneme::Clock::Real(), &stop);
  if (scores.ok()) return 0;
  const std::string message(scores.status().message());
  std::fprintf(stderr, "\nmneme-train: %s\n", message.c_str());
  return 1;
}
