#ifndef MNEME_CLIENT_CLI_WATCH_COMMAND_H_
#define MNEME_CLIENT_CLI_WATCH_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme watch`: prints a line for each session that ends, with --json an
// object, until it is interrupted (CANCELLED) or the server ends it. Run by the
// command's thread; a second one reads.
absl::Status RunWatch(client::Client& client, const WatchArguments& arguments,
                      const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_WATCH_COMMAND_H_
