#ifndef MNEME_CLIENT_CLI_OUTPUT_FILES_H_
#define MNEME_CLIENT_CLI_OUTPUT_FILES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/arguments.h"

namespace mneme::cli {

// Whether the files that a run writes can be written, and are not files that it
// reads: found out before a session is opened, so that a mistyped path costs
// nothing. INVALID_ARGUMENT names the flag. Thread-safe.
absl::Status CheckOutputFiles(const StreamArguments& arguments);

// The same of a --handles file alone, which may be none of `others`.
absl::Status CheckHandlesFile(const std::string& path,
                              const std::vector<std::string>& others);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_OUTPUT_FILES_H_
