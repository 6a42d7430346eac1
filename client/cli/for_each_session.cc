#include "client/cli/for_each_session.h"

#include "absl/strings/str_cat.h"
#include "client/cli/explain.h"
#include "client/cli/text_table.h"

namespace mneme::cli {

absl::Status ForEachSession(
    const std::vector<std::string>& sessions, absl::string_view past_tense,
    const client::Client& client, const Environment& environment,
    absl::FunctionRef<absl::Status(const std::string&)> act) {
  size_t done = 0;
  for (const std::string& session : sessions) {
    if (environment.is_interrupted()) {
      return absl::CancelledError(
          absl::StrCat("interrupted before session ", session));
    }
    const absl::Status status = act(session);
    if (status.ok()) {
      ++done;
    } else {
      environment.err << "mneme: session " << session << ": "
                      << Explain(status, client.server()) << "\n";
    }
  }
  if (done == sessions.size()) return absl::OkStatus();
  return absl::AbortedError(absl::StrCat(past_tense, " ", done, " of ",
                                         Counted(sessions.size(), "session")));
}

}  // namespace mneme::cli
