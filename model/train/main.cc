#include <atomic>
#include <csignal>
#include <cstdio>
#include <exception>
#include <string>

#include "CLI/CLI.hpp"
#include "model/train/lm_flags.h"
#include "model/train/lm_task.h"

namespace {

std::atomic<bool> stop{false};

// The first signal ends the run in good order, the second at once.
void Stop(int signal) {
  stop.store(true);
  std::signal(signal, SIG_DFL);
}

constexpr int kFailed = 1;
constexpr int kBadFlags = 2;  // as mnemed's

int Fail(const absl::Status& status) {
  const std::string message(status.message());
  std::fprintf(stderr, "\nmneme-train: %s\n", message.c_str());
  return absl::IsInvalidArgument(status) ? kBadFlags : kFailed;
}

int Evaluate(const mneme::EvalTaskOptions& options) {
  const auto scores = mneme::RunEvalTask(options);
  if (!scores.ok()) return Fail(scores.status());
  std::printf(
      "bits per byte: valid %.4f (memory reset: %.4f), test %.4f (%.4f)\n",
      scores->valid_carry, scores->valid_reset, scores->test_carry,
      scores->test_reset);
  return 0;
}

int Run(int argc, char** argv) {
  CLI::App app("Trains segment-recurrent models into Mneme model folders.",
               "mneme-train");
  app.require_subcommand(1);
  mneme::LmOptions options;
  CLI::App* lm = app.add_subcommand(
      "lm",
      "A byte language model with recurrent memory. Ctrl-C ends a run as "
      "--seconds does: with a checkpoint, a model folder and its scores; a "
      "second one at once.");
  mneme::AddLmFlags(lm, &options);
  mneme::EvalTaskOptions eval_options;
  CLI::App* eval = app.add_subcommand(
      "eval", "Bits per byte of a byte model, with and without its memory.");
  mneme::AddEvalFlags(eval, &eval_options);
  app.footer(
      "Ends with 0; 1 when it failed; 2 when what it was told is wrong.");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kBadFlags;
  }
  if (eval->parsed()) return Evaluate(eval_options);
  std::signal(SIGINT, Stop);
  std::signal(SIGTERM, Stop);
  const auto scores = mneme::RunLmTask(options, mneme::Clock::Real(), &stop);
  return scores.ok() ? 0 : Fail(scores.status());
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return Run(argc, argv);
  } catch (const std::exception& error) {  // a bug, or no memory left
    std::fprintf(stderr, "\nmneme-train: %s\n", error.what());
    return kFailed;
  }
}
