#ifndef MNEME_CLIENT_CLI_TOUCH_COMMAND_H_
#define MNEME_CLIENT_CLI_TOUCH_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme touch`: keeps sessions alive and prints the head of each. `mneme pin`
// and `unpin`: print what is pinned then, of each session that they name; all
// handles of a session in one call. With --json an object on a line for each
// session. They go on after a session that fails, as `mneme close`. Run by the
// command's thread.
absl::Status RunTouch(client::Client& client, const TouchArguments& arguments,
                      const Environment& environment);
absl::Status RunPin(client::Client& client, const PinArguments& arguments,
                    const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_TOUCH_COMMAND_H_
