#include "client/cli/fork_command.h"

#include <string>
#include <vector>

#include "client/cli/handles_file.h"
#include "client/cli/output_files.h"
#include "client/cli/session_text.h"
#include "client/cli/text_part.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

// The whole of the text to go on with, if one is given.
absl::StatusOr<std::vector<TextPart>> Rest(const ForkArguments& arguments) {
  if (arguments.handles_file.empty()) return std::vector<TextPart>();
  RETURN_IF_ERROR(
      CheckHandlesFile(arguments.handles_file, {arguments.text_file}));
  return CutIntoParts({arguments.text_file}, 0, 0);
}

}  // namespace

absl::Status RunFork(client::Client& client, const ForkArguments& arguments,
                     const Environment& environment) {
  ASSIGN_OR_RETURN(const std::vector<TextPart> rest, Rest(arguments));
  const auto& from = arguments.from.handle;
  ASSIGN_OR_RETURN(
      const client::SessionInfo fork,
      client.ForkSession(arguments.from.session_id, arguments.fork_id,
                         from.has_value() ? &*from : nullptr));
  // First of all: the session is there, whatever happens to the file.
  PrintHead(fork, arguments.common.json, environment.out);
  if (rest.empty()) return absl::OkStatus();
  return WriteHandles(arguments.handles_file, {{fork.head.handle, rest[0]}});
}

}  // namespace mneme::cli
