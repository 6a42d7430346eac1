#include "client/cli/arguments.h"

#include <CLI/CLI.hpp>
#include <memory>

#include "client/cli/bench/bench_arguments.h"
#include "client/cli/common_options.h"
#include "client/cli/session_arguments.h"
#include "client/cli/stream_arguments.h"

namespace mneme::cli {
namespace {

constexpr int kUsageError = 2;

constexpr char kFooter[] =
    "\nFor example:\n"
    "  mneme stream FILE                   streams a file through a model\n"
    "  mneme stream FILE --handles H       leaves its session open\n"
    "  mneme stream --resume H             goes on from there\n"
    "  mneme sessions                      shows what is open\n"
    "  mneme inspect SESSION               shows one, and what it retains\n"
    "  mneme rollback HANDLE               takes its session back there\n"
    "  mneme fork HANDLE --as ID           begins another session there\n"
    "  mneme export SESSION FILE           writes its memory to a file\n"
    "  mneme import FILE --as ID           makes a session of that\n"
    "  mneme close SESSION...              closes it, its memory is gone\n"
    "  mneme watch                         tells of each session that ends\n"
    "  mneme bench --ramp 1,8,64           measures the server\n"
    "\nEvery command takes --server HOST:PORT (or MNEME_SERVER; default\n"
    "127.0.0.1:7450) and --json. `mneme COMMAND --help` has the rest.\n"
    "\nThe exit status: 0 all was done, 1 something failed, 2 the command "
    "line\n"
    "is wrong, 130 interrupted.";

void AddModels(CLI::App& program, Command& command) {
  CLI::App* app = program.add_subcommand("models", "Lists the models");
  const auto models = std::make_shared<ModelsArguments>();
  AddCommon(app, models->common);
  app->callback([models, &command] { command = *models; });
}

// Prints the help or the version that was asked for, or what is wrong.
NothingToRun Answer(const CLI::App& app, const CLI::ParseError& error,
                    std::ostream& out, std::ostream& err) {
  if (error.get_exit_code() == 0) return {app.exit(error, out, err)};
  err << "mneme: " << error.what() << "\nRun `mneme";
  for (const CLI::App* command : app.get_subcommands()) {
    err << " " << command->get_name();
  }
  err << " --help` for more.\n";
  return {kUsageError};
}

}  // namespace

Command ParseArguments(const std::vector<std::string>& arguments,
                       std::ostream& out, std::ostream& err) {
  CLI::App app("mneme: sessions that never end, on a Mneme server", "mneme");
  app.require_subcommand(0, 1);
  app.set_version_flag("--version", "mneme " MNEME_VERSION);
  Command command = NothingToRun{kUsageError};
  AddStream(app, command);
  AddSessionCommands(app, command);
  AddValueCommands(app, command);
  AddFileCommands(app, command);
  AddModels(app, command);
  AddBench(app, command);
  app.footer(kFooter);  // last: the commands would inherit it
  try {
    app.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
  } catch (const CLI::ParseError& error) {
    return Answer(app, error, out, err);
  }
  if (app.get_subcommands().empty()) {
    err << "mneme: a command is required\n" << app.help();
  }
  return command;
}

}  // namespace mneme::cli
