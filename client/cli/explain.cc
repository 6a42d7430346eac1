#include "client/cli/explain.h"

#include "absl/strings/str_cat.h"
#include "client/error.h"

namespace mneme::cli {

std::string Explain(const absl::Status& error, const std::string& server) {
  client::ErrorDetails details = client::DetailsOf(error);
  if (absl::IsUnavailable(error) && details.reason.empty()) {
    return absl::StrCat("no Mneme server answers at ", server, " (",
                        error.message(),
                        ")\nStart one with `mnemed --model DIR"
                        " --listen ",
                        server,
                        "`, or name another with --server"
                        " or MNEME_SERVER.");
  }
  std::string text = absl::StrCat(absl::StatusCodeToString(error.code()));
  if (!details.reason.empty()) absl::StrAppend(&text, " ", details.reason);
  absl::StrAppend(&text, ": ", error.message());
  for (const auto& [key, value] : details.metadata) {
    absl::StrAppend(&text, "; ", key, " ", value);
  }
  if (details.reason == "VERSION_CONFLICT") {
    absl::StrAppend(&text, "\nSomebody else wrote to this session.");
  }
  if (details.reason == "NOT_RETAINED") {
    absl::StrAppend(&text,
                    "\nThe server no longer keeps the handle to go on from.");
  }
  return text;
}

}  // namespace mneme::cli
