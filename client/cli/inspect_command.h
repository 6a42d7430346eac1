#ifndef MNEME_CLIENT_CLI_INSPECT_COMMAND_H_
#define MNEME_CLIENT_CLI_INSPECT_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme inspect`: prints all that is known of a session, or of a file that one
// was exported to, with --json as an object on a line. DATA_LOSS, after that,
// for a file whose checksum does not hold. Run by the command's thread.
absl::Status RunInspect(client::Client& client,
                        const InspectArguments& arguments,
                        const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_INSPECT_COMMAND_H_
