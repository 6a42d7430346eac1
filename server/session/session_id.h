#ifndef MNEME_SERVER_SESSION_SESSION_ID_H_
#define MNEME_SERVER_SESSION_SESSION_ID_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mneme {

// INVALID_ARGUMENT unless it is 1 to 128 characters of [A-Za-z0-9._-]; `field`
// is what the error names. A pure function.
absl::Status CheckSessionId(const std::string& session_id,
                            absl::string_view field = "session_id");

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_ID_H_
