#include "client/cli/touch_command.h"

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/cli/for_each_session.h"
#include "client/cli/session_text.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

void PrintPinned(const client::SessionInfo& session, bool json,
                 std::ostream& out) {
  nlohmann::ordered_json pinned = nlohmann::ordered_json::array();
  for (const client::MemoryHandle& handle : session.pinned) {
    pinned.push_back(client::ToString(handle));
    if (!json) out << client::ToString(handle) << '\n';
  }
  if (json) {
    nlohmann::ordered_json object;
    object["session"] = session.session_id;
    object["pinned"] = std::move(pinned);
    out << object.dump() << '\n';
  }
  out << std::flush;
}

}  // namespace

absl::Status RunTouch(client::Client& client, const TouchArguments& arguments,
                      const Environment& environment) {
  client::SessionChanges changes;
  changes.idle_ttl = arguments.ttls.idle_ttl;
  changes.max_age = arguments.ttls.max_age;
  return ForEachSession(arguments.sessions, "touched", client, environment,
                        [&](const std::string& id) -> absl::Status {
                          ASSIGN_OR_RETURN(const client::SessionInfo session,
                                           client.TouchSession(id, changes));
                          PrintHead(session, arguments.common.json,
                                    environment.out);
                          return absl::OkStatus();
                        });
}

absl::Status RunPin(client::Client& client, const PinArguments& arguments,
                    const Environment& environment) {
  std::vector<std::string> sessions;  // as they were named first
  std::map<std::string, client::SessionChanges> changes;
  for (const client::MemoryHandle& handle : arguments.handles) {
    const auto [it, is_new] = changes.try_emplace(handle.session_id);
    if (is_new) sessions.push_back(handle.session_id);
    (arguments.pin ? it->second.pin : it->second.unpin).push_back(handle);
  }
  return ForEachSession(
      sessions, arguments.pin ? "pinned values of" : "unpinned values of",
      client, environment, [&](const std::string& id) -> absl::Status {
        ASSIGN_OR_RETURN(const client::SessionInfo session,
                         client.TouchSession(id, changes[id]));
        PrintPinned(session, arguments.common.json, environment.out);
        return absl::OkStatus();
      });
}

}  // namespace mneme::cli
