#include "server/rpc/grpc_status.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "server/base/error_info.h"
#include "server/rpc/wire_time.h"

namespace mneme {
namespace {

// gRPC sends a status as metadata, of which a client takes 8 KiB in all; above
// that it sees another status. The text is there twice, once percent-encoded
// (up to three bytes for one), once in the details, base64.
constexpr size_t kMaxMessage = 1024;

std::string MessageOf(const absl::Status& status) {
  const absl::string_view message = status.message();
  if (message.size() <= kMaxMessage) return std::string(message);
  return absl::StrCat(message.substr(0, kMaxMessage), "... (", message.size(),
                      " bytes)");
}

std::string EncodeDetails(const absl::Status& status, const ErrorInfo& info) {
  google::rpc::Status details;
  details.set_code(static_cast<int>(status.code()));
  details.set_message(MessageOf(status));
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
  const std::string message = MessageOf(status);
  ErrorInfo info = GetErrorInfo(status);
  // Proxies say INTERNAL too, of a server that they lost: see RetryPolicy.
  if (absl::IsInternal(status) && info.reason.empty()) info.reason = "INTERNAL";
  if (info.reason.empty() && !info.retry_after.has_value()) {
    return grpc::Status(code, message);
  }
  return grpc::Status(code, message, EncodeDetails(status, info));
}

}  // namespace mneme
