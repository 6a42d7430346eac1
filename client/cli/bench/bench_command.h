#ifndef MNEME_CLIENT_CLI_BENCH_BENCH_COMMAND_H_
#define MNEME_CLIENT_CLI_BENCH_BENCH_COMMAND_H_

#include "absl/status/status.h"
#include "client/cli/arguments.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// `mneme bench`: measures its lines one after the other, and prints them: as
// JSON each when it was measured, or a table of all at the end. What was
// measured is printed also after an error or an interrupt. An error if nothing
// at all was answered. Run by the command's thread.
absl::Status RunBench(client::Client& client, const BenchArguments& arguments,
                      const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_BENCH_COMMAND_H_
