#ifndef MNEME_SERVER_BASE_ERROR_INFO_H_
#define MNEME_SERVER_BASE_ERROR_INFO_H_

#include <map>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mneme {

// What a program can read of an error, beside its code and text: becomes
// google.rpc.ErrorInfo (domain "mneme.v1") and RetryInfo on the wire.
struct ErrorInfo {
  std::string reason;  // UPPER_SNAKE, e.g. "QUEUE_FULL"; "" when there is none
  std::map<std::string, std::string> metadata;
  std::optional<absl::Duration> retry_after;
};

// A status that carries `info`.
absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                       const ErrorInfo& info);

// The same with a reason alone.
absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message);

// The info of a status made by MakeError; empty for any other.
ErrorInfo GetErrorInfo(const absl::Status& status);

}  // namespace mneme

#endif  // MNEME_SERVER_BASE_ERROR_INFO_H_
