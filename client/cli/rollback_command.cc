#include "client/cli/rollback_command.h"

#include "client/cli/session_text.h"
#include "server/base/status_macros.h"

namespace mneme::cli {

absl::Status RunRollback(client::Client& client,
                         const RollbackArguments& arguments,
                         const Environment& environment) {
  const auto& expected = arguments.expected_head;
  ASSIGN_OR_RETURN(
      const client::SessionInfo session,
      client.RollbackSession(arguments.to,
                             expected.has_value() ? &*expected : nullptr));
  PrintHead(session, arguments.common.json, environment.out);
  return absl::OkStatus();
}

}  // namespace mneme::cli
