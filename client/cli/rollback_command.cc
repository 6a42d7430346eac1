#include "client/cli/rollback_command.h"

#include <nlohmann/json.hpp>
#include <string>

#include "server/base/status_macros.h"

namespace mneme::cli {

absl::Status RunRollback(client::Client& client,
                         const RollbackArguments& arguments,
                         const Environment& environment) {
  ASSIGN_OR_RETURN(const client::SessionInfo session,
                   client.RollbackSession(arguments.to));
  const std::string head = client::ToString(session.head.handle);
  if (arguments.common.json) {
    nlohmann::ordered_json object;
    object["session"] = session.session_id;
    object["head"] = head;
    environment.out << object.dump() << std::endl;
  } else {
    environment.out << head << std::endl;
  }
  return absl::OkStatus();
}

}  // namespace mneme::cli
