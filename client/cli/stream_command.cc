#include "client/cli/stream_command.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "client/cli/output_files.h"
#include "client/cli/stream_plan.h"
#include "client/cli/stream_run.h"
#include "client/cli/text_table.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

constexpr size_t kNamedSessions = 8;

absl::Status CloseSessions(client::Client& client, const StreamPlan& plan) {
  absl::Status first;
  for (const ResumePoint& session : plan.sessions) {
    first.Update(client.CloseSession(session.handle.session_id).status());
  }
  return first;
}

// The ids of the plan's sessions, but not thousands of them.
std::string NamesOf(const StreamPlan& plan) {
  std::string names;
  const size_t shown = std::min(plan.sessions.size(), kNamedSessions);
  for (size_t i = 0; i < shown; ++i) {
    absl::StrAppend(&names, i > 0 ? " " : "",
                    plan.sessions[i].handle.session_id);
  }
  if (shown < plan.sessions.size()) absl::StrAppend(&names, " ...");
  return names;
}

// For the commands that are suggested: they have to find the same sessions.
std::string CommonFlags(const CommonArguments& common) {
  std::string flags;
  if (common.server != CommonArguments().server) {
    absl::StrAppend(&flags, " --server ", common.server);
  }
  if (!common.tenant.empty()) {
    absl::StrAppend(&flags, " --tenant ", common.tenant);
  }
  return flags;
}

// `all_done`: there is no text left, so that to go on takes more of it.
void SayWhatIsLeftOpen(const StreamArguments& arguments, const StreamPlan& plan,
                       bool all_done, const Environment& environment) {
  const std::string names = NamesOf(plan);
  const std::string flags = CommonFlags(arguments.common);
  std::string text = absl::StrCat(
      "mneme: left open: ", Counted(plan.sessions.size(), "session"), ": ",
      names, "\n");
  if (arguments.handles_file.empty()) {
    absl::StrAppend(&text,
                    "  With --handles FILE a run can be gone on with.\n");
  } else {
    absl::StrAppend(
        &text, "  to go on: mneme stream --resume ", arguments.handles_file,
        flags, all_done ? "  (first raise \"end\" in it: no text is left)" : "",
        "\n");
  }
  if (plan.sessions.size() > kNamedSessions) {
    absl::StrAppend(&text, "  to list:  mneme sessions", flags,
                    "\n  to close: mneme close", flags, " ID...\n");
  } else {
    absl::StrAppend(&text, "  to close: mneme close ", names, flags, "\n");
  }
  environment.err << text << std::flush;
}

// What becomes of the sessions after a run that ended with `status`. Closing a
// session destroys it: only those that this run opened are closed, and only
// when everything was done. The status to end with.
absl::Status LeaveSessions(client::Client& client,
                           const StreamArguments& arguments,
                           const Environment& environment,
                           const StreamPlan& plan, const StreamRun& run,
                           absl::Status status) {
  const bool writes_handles = !arguments.handles_file.empty();
  if (writes_handles) {
    status.Update(WriteHandles(arguments.handles_file, run.Rests()));
  }
  const bool all_done = status.ok();
  if (all_done && !writes_handles && !arguments.keep && !plan.resumed) {
    return CloseSessions(client, plan);
  }
  SayWhatIsLeftOpen(arguments, plan, all_done, environment);
  return status;
}

}  // namespace

absl::Status RunStream(client::Client& client, const StreamArguments& arguments,
                       const Environment& environment) {
  RETURN_IF_ERROR(CheckOutputFiles(arguments));
  RecordFile record;
  RETURN_IF_ERROR(record.Open(arguments.record_file));
  ASSIGN_OR_RETURN(StreamPlan plan, MakeStreamPlan(client, arguments));
  StreamRun run(client, arguments, environment, plan, record);
  absl::Status status =
      LeaveSessions(client, arguments, environment, plan, run, run.Run());
  const RunTotals totals = run.totals();
  if (status.ok() && totals.segments == 0) {
    environment.err << "mneme: nothing left to do: every session is at the end "
                       "of its text\n";
  }
  environment.out << (arguments.common.json ? totals.Json() + "\n"
                                            : totals.Table())
                  << std::flush;
  return status;
}

}  // namespace mneme::cli
