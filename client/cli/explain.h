#ifndef MNEME_CLIENT_CLI_EXPLAIN_H_
#define MNEME_CLIENT_CLI_EXPLAIN_H_

#include <string>

#include "absl/status/status.h"

namespace mneme::cli {

// `error` as a person wants to read it: what happened, and what to do where
// that is known. `server` is the address that was used.
// Thread-safe.
std::string Explain(const absl::Status& error, const std::string& server);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_EXPLAIN_H_
