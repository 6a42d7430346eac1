#include "server/base/error_info.h"

#include <nlohmann/json.hpp>

#include "absl/strings/cord.h"

namespace mneme {
namespace {

constexpr absl::string_view kPayloadUrl = "mneme.v1/error_info";

}  // namespace

absl::Status MakeError(absl::StatusCode code, absl::string_view message,
                       const ErrorInfo& info) {
  nlohmann::json payload = {{"reason", info.reason},
                            {"metadata", info.metadata}};
  if (info.retry_after.has_value()) {
    payload["retry_ns"] = absl::ToInt64Nanoseconds(*info.retry_after);
  }
  absl::Status status(code, message);
  status.SetPayload(
      kPayloadUrl,
      absl::Cord(payload.dump(-1, ' ', false,
                              nlohmann::json::error_handler_t::replace)));
  return status;
}

absl::Status MakeError(absl::StatusCode code, absl::string_view reason,
                       absl::string_view message) {
  ErrorInfo info;
  info.reason = std::string(reason);
  return MakeError(code, message, info);
}

ErrorInfo GetErrorInfo(const absl::Status& status) {
  ErrorInfo info;
  const auto payload = status.GetPayload(kPayloadUrl);
  if (!payload.has_value()) return info;
  const auto json = nlohmann::json::parse(std::string(*payload), nullptr,
                                          /*allow_exceptions=*/false);
  if (json.is_discarded()) return info;
  info.reason = json.value("reason", "");
  info.metadata = json.value("metadata", std::map<std::string, std::string>{});
  if (json.contains("retry_ns")) {
    info.retry_after = absl::Nanoseconds(json["retry_ns"].get<int64_t>());
  }
  return info;
}

}  // namespace mneme
