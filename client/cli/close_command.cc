#include "client/cli/close_command.h"

#include <nlohmann/json.hpp>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/explain.h"
#include "client/cli/text_table.h"

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

bool IsInterrupted(const Environment& environment) {
  return environment.interrupted != nullptr && *environment.interrupted;
}

}  // namespace

absl::Status RunClose(client::Client& client, const CloseArguments& arguments,
                      const Environment& environment) {
  size_t closed = 0;
  for (const std::string& session : arguments.sessions) {
    if (IsInterrupted(environment)) {
      return absl::CancelledError(
          absl::StrCat("interrupted before session ", session));
    }
    const auto last = arguments.erase ? client.EraseSession(session)
                                      : client.CloseSession(session);
    if (last.ok()) {
      ++closed;
      PrintClosed(session, *last, arguments.common.json, environment.out);
    } else {
      environment.err << "mneme: session " << session << ": "
                      << Explain(last.status(), client.server()) << "\n";
    }
  }
  const size_t all = arguments.sessions.size();
  if (closed == all) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("closed ", closed, " of ", Counted(all, "session")));
}

}  // namespace mneme::cli
