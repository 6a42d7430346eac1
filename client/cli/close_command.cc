#include "client/cli/close_command.h"

#include <nlohmann/json.hpp>
#include <string>

#include "client/cli/for_each_session.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

void PrintClosed(const std::string& session, const client::MemoryHandle& last,
                 bool json, std::ostream& out) {
  if (!json) {
    out << client::ToString(last) << std::endl;
    return;
  }
  nlohmann::ordered_json object;
  object["session"] = session;
  object["last"] = client::ToString(last);
  out << object.dump(-1, ' ', false,
                     nlohmann::ordered_json::error_handler_t::replace)
      << std::endl;
}

}  // namespace

absl::Status RunClose(client::Client& client, const CloseArguments& arguments,
                      const Environment& environment) {
  return ForEachSession(
      arguments.sessions, "closed", client, environment,
      [&](const std::string& session) -> absl::Status {
        ASSIGN_OR_RETURN(const client::MemoryHandle last,
                         arguments.erase ? client.EraseSession(session)
                                         : client.CloseSession(session));
        PrintClosed(session, last, arguments.common.json, environment.out);
        return absl::OkStatus();
      });
}

}  // namespace mneme::cli
