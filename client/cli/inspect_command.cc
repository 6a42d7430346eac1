#include "client/cli/inspect_command.h"

#include <string>

#include "absl/strings/match.h"
#include "client/cli/exported_file.h"
#include "client/cli/session_text.h"
#include "server/base/status_macros.h"

namespace mneme::cli {
namespace {

bool IsFile(const std::string& what) {
  return absl::EndsWith(what, ".safetensors") || absl::StrContains(what, '/');
}

absl::Status InspectFile(const InspectArguments& arguments,
                         const Environment& environment) {
  ASSIGN_OR_RETURN(const ExportedFile file, ReadExportedFile(arguments.what));
  environment.out << (arguments.common.json ? FileJson(file) + "\n"
                                            : DescribeFile(file))
                  << std::flush;
  return file.holds;
}

}  // namespace

absl::Status RunInspect(client::Client& client,
                        const InspectArguments& arguments,
                        const Environment& environment) {
  if (IsFile(arguments.what)) return InspectFile(arguments, environment);
  ASSIGN_OR_RETURN(const client::SessionInfo session,
                   client.GetSession(arguments.what));
  environment.out << (arguments.common.json ? SessionJson(session) + "\n"
                                            : DescribeSession(session))
                  << std::flush;
  return absl::OkStatus();
}

}  // namespace mneme::cli
