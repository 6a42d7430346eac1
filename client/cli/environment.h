#ifndef MNEME_CLIENT_CLI_ENVIRONMENT_H_
#define MNEME_CLIENT_CLI_ENVIRONMENT_H_

#include <atomic>
#include <ostream>

#include "server/base/clock.h"

namespace mneme::cli {

// The outside of a command, so that tests can run it in process. A plain value;
// all that it points to must outlive the command.
struct Environment {
  std::ostream& out;
  std::ostream& err;
  // Whether `err` is a terminal, for the progress bar.
  bool terminal = false;
  Clock* clock = Clock::Real();
  // Set by a signal handler: end soon, and tidy up. May be null.
  const std::atomic<bool>* interrupted = nullptr;

  bool is_interrupted() const { return interrupted != nullptr && *interrupted; }
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_ENVIRONMENT_H_
