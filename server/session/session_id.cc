#include "server/session/session_id.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace mneme {

absl::Status CheckSessionId(const std::string& session_id,
                            absl::string_view field) {
  const auto allowed = [](unsigned char c) {
    return absl::ascii_isalnum(c) || c == '.' || c == '_' || c == '-';
  };
  if (!session_id.empty() && session_id.size() <= 128 &&
      std::all_of(session_id.begin(), session_id.end(), allowed)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      absl::StrCat(field, ": ", session_id.size(),
                   " characters, expected 1 to 128 of [A-Za-z0-9._-]"));
}

}  // namespace mneme
