#ifndef MNEME_CLIENT_CLI_CLI_H_
#define MNEME_CLIENT_CLI_CLI_H_

#include <string>
#include <vector>

#include "client/cli/environment.h"

namespace mneme::cli {

// The program `mneme` with these arguments (without the program's name): its
// exit status, 0 only if everything asked for was done; 1 after an error, 2 for
// wrong arguments, 130 when interrupted.
// Called by one thread: main's, or a test's.
int RunCli(const std::vector<std::string>& arguments,
           const Environment& environment);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_CLI_H_
