#include "client/cli/rollback_command.h"

#include "client/cli/session_text.h"
#include "server/base/status_macros.h"

namespace mneme::cli {

absl::Status RunRollback(client::Client& client,
                         const RollbackArguments& arguments,
                         const Environment& environment) {
  ASSIGN_OR_RETURN(const client::SessionInfo session,
                   client.RollbackSession(arguments.to));
  PrintHead(session, arguments.common.json, environment.out);
  return absl::OkStatus();
}

}  // namespace mneme::cli
