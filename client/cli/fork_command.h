#ifndef MNEME_CLIENT_CLI_FORK_COMMAND_H_
#define MNEME_CLIENT_CLI_FORK_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme fork`: makes a session that begins with a value of another and prints
// its head, with --json as an object on a line. With --text and --handles also
// the file with which `mneme stream --resume` goes on; whether it can be
// written, and the text read, is found out before. Run by the command's thread.
absl::Status RunFork(client::Client& client, const ForkArguments& arguments,
                     const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_FORK_COMMAND_H_
