#include "client/error.h"

#include <grpcpp/support/status.h>

#include "absl/strings/cord.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace mneme::client {
namespace {

constexpr char kDetailsUrl[] = "type.googleapis.com/google.rpc.Status";
constexpr char kDomain[] = "mneme.v1";

void AddDetail(const google::protobuf::Any& any, ErrorDetails& details) {
  google::rpc::ErrorInfo info;
  google::rpc::RetryInfo retry;
  if (any.Is<google::rpc::ErrorInfo>() && any.UnpackTo(&info)) {
    if (info.domain() != kDomain) return;
    details.reason = info.reason();
    details.metadata.insert(info.metadata().begin(), info.metadata().end());
  } else if (any.Is<google::rpc::RetryInfo>() && any.UnpackTo(&retry)) {
    details.retry_delay = absl::Seconds(retry.retry_delay().seconds()) +
                          absl::Nanoseconds(retry.retry_delay().nanos());
  }
}

}  // namespace

ErrorDetails DetailsOf(const absl::Status& status) {
  ErrorDetails details;
  absl::optional<absl::Cord> payload = status.GetPayload(kDetailsUrl);
  google::rpc::Status wire;
  if (!payload || !wire.ParseFromString(std::string(*payload))) return details;
  for (const google::protobuf::Any& any : wire.details()) {
    AddDetail(any, details);
  }
  return details;
}

absl::Status FromGrpc(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  if (!status.error_details().empty()) {
    result.SetPayload(kDetailsUrl, absl::Cord(status.error_details()));
  }
  return result;
}

}  // namespace mneme::client
