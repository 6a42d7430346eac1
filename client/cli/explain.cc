#include "client/cli/explain.h"

#include "absl/strings/str_cat.h"
#include "client/error.h"

namespace mneme::cli {
namespace {

std::string NoServer(const absl::Status& error, const std::string& server) {
  return absl::StrCat("no Mneme server answers at ", server, " (",
                      error.message(),
                      ")\nStart one with `mnemed --model DIR --listen ", server,
                      "`, or name another with --server or MNEME_SERVER.");
}

// What to do about it, on a line of its own; empty where nobody knows.
std::string Advice(const absl::Status& error, const std::string& reason,
                   const std::string& server) {
  if (reason == "VERSION_CONFLICT") {
    return "\nThe session is not where the handle says: somebody else wrote to "
           "it, or it was rolled back. `mneme inspect SESSION` shows it.";
  }
  if (reason == "NOT_RETAINED") {
    return "\nThe server no longer keeps that value; `mneme inspect SESSION` "
           "lists those that can be named.";
  }
  if (!reason.empty()) return "";
  if (absl::IsDeadlineExceeded(error)) {
    return absl::StrCat("\nThe server at ", server,
                        " did not answer in time: it is overloaded, or what "
                        "listens there is no Mneme server.");
  }
  if (absl::IsUnimplemented(error)) {
    return absl::StrCat("\nWhat listens at ", server,
                        " is no Mneme server, or one of another version.");
  }
  return "";
}

}  // namespace

std::string Explain(const absl::Status& error, const std::string& server) {
  client::ErrorDetails details = client::DetailsOf(error);
  if (absl::IsUnavailable(error) && details.reason.empty()) {
    return NoServer(error, server);
  }
  std::string text = absl::StrCat(error.message(), " (",
                                  absl::StatusCodeToString(error.code()));
  if (!details.reason.empty() &&
      details.reason != absl::StatusCodeToString(error.code())) {
    absl::StrAppend(&text, " ", details.reason);
  }
  for (const auto& [key, value] : details.metadata) {
    absl::StrAppend(&text, "; ", key, " ", value);
  }
  return absl::StrCat(text, ")", Advice(error, details.reason, server));
}

}  // namespace mneme::cli
