#include "client/cli/stream_command.h"

#include "absl/strings/str_cat.h"
#include "client/cli/output_files.h"
#include "client/cli/stream_plan.h"
#include "client/cli/stream_run.h"
#include "client/cli/text_table.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

absl::Status CloseSessions(client::Client& client, const StreamPlan& plan) {
  absl::Status first;
  for (const ResumePoint& session : plan.sessions) {
    first.Update(client.CloseSession(session.handle.session_id).status());
  }
  return first;
}

void SayWhatIsLeftOpen(const StreamArguments& arguments, const StreamPlan& plan,
                       const Environment& environment) {
  environment.err << "mneme: left open: "
                  << Counted(plan.sessions.size(), "session") << "; ";
  if (arguments.handles_file.empty()) {
    environment.err << "`mneme sessions` lists them. With --handles FILE a run "
                       "can be gone on with.\n";
  } else {
    environment.err << "go on with `mneme stream --resume "
                    << arguments.handles_file << "`\n";
  }
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
  if (!status.ok()) {
    SayWhatIsLeftOpen(arguments, plan, environment);
    return status;
  }
  if (writes_handles || arguments.keep || plan.resumed) return status;
  return CloseSessions(client, plan);
}

}  // namespace

absl::Status RunStream(client::Client& client, const StreamArguments& arguments,
                       const Environment& environment) {
  RETURN_IF_ERROR(CheckOutputFiles(arguments));
  RecordFile record;
  RETURN_IF_ERROR(record.Open(arguments.record_file));
  ASSIGN_OR_RETURN(StreamPlan plan, MakeStreamPlan(client, arguments));
  StreamRun run(client, arguments, environment, plan, record);
  const absl::Status status =
      LeaveSessions(client, arguments, environment, plan, run, run.Run());
  RunTotals totals = run.totals();
  environment.out << (arguments.common.json ? totals.Json() + "\n"
                                            : totals.Table())
                  << std::flush;
  return status;
}

}  // namespace mneme::cli
