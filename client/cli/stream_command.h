#ifndef MNEME_CLIENT_CLI_STREAM_COMMAND_H_
#define MNEME_CLIENT_CLI_STREAM_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme stream`: streams the text of files through sessions, all at once, and
// prints the closing table or JSON. An error of any session is an error of the
// command, after the other sessions have ended. Sessions that this run did not
// open, and all of a run that failed or was interrupted, stay open. Run by the
// command's thread.
absl::Status RunStream(client::Client& client, const StreamArguments& arguments,
                       const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_STREAM_COMMAND_H_
