#include "server/store/rocksdb_status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"

namespace mneme {
namespace {

// A disk that fills up or fails is not mended at once.
constexpr absl::Duration kRetryAfter = absl::Seconds(1);

}  // namespace

absl::Status FromRocksDb(const rocksdb::Status& status,
                         absl::string_view doing) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = absl::StrCat(doing, ": ", status.ToString());
  if (status.IsCorruption()) return absl::DataLossError(message);
  if (status.IsNotFound()) return absl::NotFoundError(message);
  if (status.IsInvalidArgument() || status.IsNotSupported()) {
    return absl::FailedPreconditionError(message);
  }
  ErrorInfo info;
  info.reason = "STORE_DOWN";
  info.retry_after = kRetryAfter;
  return MakeError(absl::StatusCode::kUnavailable, message, info);
}

}  // namespace mneme
