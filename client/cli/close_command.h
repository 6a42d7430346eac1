#ifndef MNEME_CLIENT_CLI_CLOSE_COMMAND_H_
#define MNEME_CLIENT_CLI_CLOSE_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme close`: closes sessions and prints the last handle of each, with
// --json as an object on a line. Goes on after one that cannot be closed; an
// error of any is an error of the command. Run by the command's thread.
absl::Status RunClose(client::Client& client, const CloseArguments& arguments,
                      const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_CLOSE_COMMAND_H_
