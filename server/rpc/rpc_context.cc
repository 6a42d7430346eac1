#include "server/rpc/rpc_context.h"

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"

namespace mneme {

absl::Status DrainingError(const Position* where) {
  ErrorInfo info;
  info.reason = "DRAINING";
  info.retry_after = absl::Seconds(1);
  if (where == nullptr) {
    return MakeError(absl::StatusCode::kUnavailable,
                     "the server is shutting down", info);
  }
  info.metadata["head"] = where->handle.ToString();
  info.metadata["tail"] = absl::StrCat(where->tail);
  return MakeError(
      absl::StatusCode::kUnavailable,
      absl::StrCat("the server is shutting down; the session is at ",
                   info.metadata["head"], " and ", where->tail, " tokens"),
      info);
}

}  // namespace mneme
