#ifndef MNEME_CLIENT_CLI_FOR_EACH_SESSION_H_
#define MNEME_CLIENT_CLI_FOR_EACH_SESSION_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "client/cli/environment.h"
#include "client/client.h"

namespace mneme::cli {

// Does `act`, which is "closed" or the like in the past tense, with each
// session, in their order. Goes on after one that fails, which is said; the
// error of any is an error of the whole, an interrupt its end. Run by the
// command's thread.
absl::Status ForEachSession(
    const std::vector<std::string>& sessions, absl::string_view past_tense,
    const client::Client& client, const Environment& environment,
    absl::FunctionRef<absl::Status(const std::string&)> act);

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_FOR_EACH_SESSION_H_
