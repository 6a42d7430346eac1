#include "server/rpc/grpc_status.h"

#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error_info.h"
#include "server/rpc/wire_time.h"

namespace mneme {
namespace {

std::string EncodeDetails(const absl::Status& status, const ErrorInfo& info) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(std::string(status.message()));
  if (!info.reason.empty()) {
    google::rpc::ErrorInfo error;
    error.set_reason(info.reason);
    error.set_domain(kErrorDomain);
    error.mutable_metadata()->insert(info.metadata.begin(),
                                     info.metadata.end());
    details.add_details()->PackFrom(error);
  }
  if (info.retry_after.has_value()) {
    google::rpc::RetryInfo retry;
    ToWire(*info.retry_after, retry.mutable_retry_delay());
    details.add_details()->PackFrom(retry);
  }
  return details.SerializeAsString();
}

}  // namespace

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  std::string message(status.message());
  const ErrorInfo info = GetErrorInfo(status);
  if (info.reason.empty() && !info.retry_after.has_value()) {
    return grpc::Status(code, message);
  }
  return grpc::Status(code, message, EncodeDetails(status, info));
}

}  // namespace mneme
