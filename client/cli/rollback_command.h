#ifndef MNEME_CLIENT_CLI_ROLLBACK_COMMAND_H_
#define MNEME_CLIENT_CLI_ROLLBACK_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme rollback`: takes a session back to a handle and prints its head, with
// --json as an object on a line. Run by the command's thread.
absl::Status RunRollback(client::Client& client,
                         const RollbackArguments& arguments,
                         const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_ROLLBACK_COMMAND_H_
