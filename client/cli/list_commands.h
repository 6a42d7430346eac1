#ifndef MNEME_CLIENT_CLI_LIST_COMMANDS_H_
#define MNEME_CLIENT_CLI_LIST_COMMANDS_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme sessions` and `mneme models`: a table, or with --json an object on a
// line for each. Run by the command's thread.
absl::Status RunSessions(client::Client& client,
                         const SessionsArguments& arguments,
                         const Environment& environment);
absl::Status RunModels(client::Client& client, const ModelsArguments& arguments,
                       const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_LIST_COMMANDS_H_
