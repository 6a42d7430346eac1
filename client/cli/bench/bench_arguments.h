#ifndef MNEME_CLIENT_CLI_BENCH_BENCH_ARGUMENTS_H_
#define MNEME_CLIENT_CLI_BENCH_BENCH_ARGUMENTS_H_

#include <CLI/CLI.hpp>

#include "client/cli/arguments.h"

namespace mneme::cli {

// Adds `mneme bench` to the program: parsed, it sets `command`, which must
// outlive the program. Internal to the parsing of the command line; called by
// its thread.
void AddBench(CLI::App& program, Command& command);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_BENCH_ARGUMENTS_H_
