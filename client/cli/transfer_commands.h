#ifndef MNEME_CLIENT_CLI_TRANSFER_COMMANDS_H_
#define MNEME_CLIENT_CLI_TRANSFER_COMMANDS_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme export`: writes a memory value to a file, which appears when it is
// whole and its checksum holds, and prints its handle; or to the standard
// output, and prints nothing. `mneme import`: makes a session of such a file
// and prints its head. With --json an object on a line. An interrupt ends them;
// then there is no file, or no session. Run by the command's thread.
absl::Status RunExport(client::Client& client, const ExportArguments& arguments,
                       const Environment& environment);
absl::Status RunImport(client::Client& client, const ImportArguments& arguments,
                       const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_TRANSFER_COMMANDS_H_
