#include "client/cli/cli.h"

#include <memory>
#include <variant>

#include "client/cli/arguments.h"
#include "client/cli/bench/bench_command.h"
#include "client/cli/close_command.h"
#include "client/cli/explain.h"
#include "client/cli/fork_command.h"
#include "client/cli/inspect_command.h"
#include "client/cli/list_commands.h"
#include "client/cli/rollback_command.h"
#include "client/cli/stream_command.h"
#include "client/cli/touch_command.h"
#include "client/cli/transfer_commands.h"
#include "client/cli/watch_command.h"
#include "client/client.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

constexpr int kInterrupted = 130;

struct Runner {
  const Environment& environment;
  client::Client& client;

  absl::Status operator()(const StreamArguments& arguments) const {
    return RunStream(client, arguments, environment);
  }
  absl::Status operator()(const BenchArguments& arguments) const {
    return RunBench(client, arguments, environment);
  }
  absl::Status operator()(const SessionsArguments& arguments) const {
    return RunSessions(client, arguments, environment);
  }
  absl::Status operator()(const CloseArguments& arguments) const {
    return RunClose(client, arguments, environment);
  }
  absl::Status operator()(const RollbackArguments& arguments) const {
    return RunRollback(client, arguments, environment);
  }
  absl::Status operator()(const ForkArguments& arguments) const {
    return RunFork(client, arguments, environment);
  }
  absl::Status operator()(const TouchArguments& arguments) const {
    return RunTouch(client, arguments, environment);
  }
  absl::Status operator()(const PinArguments& arguments) const {
    return RunPin(client, arguments, environment);
  }
  absl::Status operator()(const InspectArguments& arguments) const {
    return RunInspect(client, arguments, environment);
  }
  absl::Status operator()(const ExportArguments& arguments) const {
    return RunExport(client, arguments, environment);
  }
  absl::Status operator()(const ImportArguments& arguments) const {
    return RunImport(client, arguments, environment);
  }
  absl::Status operator()(const ModelsArguments& arguments) const {
    return RunModels(client, arguments, environment);
  }
  absl::Status operator()(const WatchArguments& arguments) const {
    return RunWatch(client, arguments, environment);
  }
  absl::Status operator()(const NothingToRun& /*nothing*/) const {
    return absl::OkStatus();
  }
};

struct CommonOf {
  template <typename Arguments>
  CommonArguments operator()(const Arguments& arguments) const {
    return arguments.common;
  }
  CommonArguments operator()(const NothingToRun& /*nothing*/) const {
    return {};
  }
};

absl::Status Run(const Command& command, const CommonArguments& common,
                 const Environment& environment) {
  client::Client::Options options;
  options.server = common.server;
  options.tenant = common.tenant;
  ASSIGN_OR_RETURN(std::unique_ptr<client::Client> client,
                   client::Client::Create(options));
  return std::visit(Runner{environment, *client}, command);
}

}  // namespace

int RunCli(const std::vector<std::string>& arguments,
           const Environment& environment) {
  Command command = ParseArguments(arguments, environment.out, environment.err);
  if (auto* nothing = std::get_if<NothingToRun>(&command)) {
    return nothing->exit_status;
  }
  CommonArguments common = std::visit(CommonOf{}, command);
  absl::Status status = Run(command, common, environment);
  if (status.ok()) return 0;
  environment.err << "mneme: " << Explain(status, common.server) << std::endl;
  return absl::IsCancelled(status) ? kInterrupted : 1;
}

}  // namespace mneme::cli
