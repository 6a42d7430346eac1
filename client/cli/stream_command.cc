#include "client/cli/stream_command.h"

#include "client/cli/stream_plan.h"
#include "client/cli/stream_run.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

// Sessions that failed stay open, so that nothing is lost.
absl::Status CloseSessions(client::Client& client, const StreamRun& run,
                           const StreamPlan& plan) {
  absl::Status first;
  for (size_t part = 0; part < plan.sessions.size(); ++part) {
    if (run.Failed(part)) continue;
    first.Update(
        client.CloseSession(plan.sessions[part].handle.session_id).status());
  }
  return first;
}

}  // namespace

absl::Status RunStream(client::Client& client, const StreamArguments& arguments,
                       const Environment& environment) {
  ASSIGN_OR_RETURN(StreamPlan plan, MakeStreamPlan(client, arguments));
  StreamRun run(client, arguments, environment, plan);
  absl::Status status = run.Run();
  if (!arguments.handles_file.empty()) {
    status.Update(WriteHandles(arguments.handles_file, run.Rests()));
  } else if (!arguments.keep) {
    status.Update(CloseSessions(client, run, plan));
  }
  RunTotals totals = run.totals();
  environment.out << (arguments.common.json ? totals.Json() + "\n"
                                            : totals.Table())
                  << std::flush;
  return status;
}

}  // namespace mneme::cli
