#ifndef MNEME_CLIENT_CLI_SESSION_ARGUMENTS_H_
#define MNEME_CLIENT_CLI_SESSION_ARGUMENTS_H_

#include <CLI/CLI.hpp>

#include "client/cli/arguments.h"

namespace mneme::cli {

// Each adds commands to the program; the one that is parsed sets `command`,
// which must outlive the program. Internal to the parsing of the command line;
// called by its thread.

// sessions, inspect, touch, close, watch.
void AddSessionCommands(CLI::App& program, Command& command);
// fork, rollback, pin, unpin: what is done with memory values.
void AddValueCommands(CLI::App& program, Command& command);
// export, import.
void AddFileCommands(CLI::App& program, Command& command);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_SESSION_ARGUMENTS_H_
