#ifndef MNEME_SERVER_OBSERVE_LOGS_H_
#define MNEME_SERVER_OBSERVE_LOGS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mneme {

// The names that SetUpLogs takes, the most talkative first.
std::vector<std::string> LogLevels();

// Sends the process's log (spdlog's default logger) to stderr, from `level`
// up: stdout is for what programs read. Once, at start-up, before threads.
// INVALID_ARGUMENT for an unknown level.
absl::Status SetUpLogs(absl::string_view level);

}  // namespace mneme

#endif  // MNEME_SERVER_OBSERVE_LOGS_H_
