#include "tests/client/error_status.h"

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace mneme::testing {

grpc::Status ErrorStatus(grpc::StatusCode code, const std::string& message,
                         const std::string& reason,
                         absl::optional<absl::Duration> retry_delay,
                         const std::map<std::string, std::string>& metadata) {
  google::rpc::ErrorInfo info;
  info.set_reason(reason);
  info.set_domain("mneme.v1");
  info.mutable_metadata()->insert(metadata.begin(), metadata.end());
  google::rpc::Status status;
  status.set_code(code);
  status.set_message(message);
  status.add_details()->PackFrom(info);
  if (retry_delay) {
    google::rpc::RetryInfo retry;
    int64_t nanos = absl::ToInt64Nanoseconds(*retry_delay);
    retry.mutable_retry_delay()->set_seconds(nanos / 1'000'000'000);
    retry.mutable_retry_delay()->set_nanos(
        static_cast<int32_t>(nanos % 1'000'000'000));
    status.add_details()->PackFrom(retry);
  }
  return {code, message, status.SerializeAsString()};
}

grpc::Status NoSession(const std::string& id) {
  return ErrorStatus(grpc::StatusCode::NOT_FOUND,
                     absl::StrCat("no session '", id, "'"), "NOT_FOUND");
}

grpc::Status NoModel(const std::string& name) {
  return ErrorStatus(grpc::StatusCode::NOT_FOUND,
                     absl::StrCat("no model '", name, "'"), "NOT_FOUND");
}

}  // namespace mneme::testing
