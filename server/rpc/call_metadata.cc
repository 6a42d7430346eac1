#include "server/rpc/call_metadata.h"

#include <chrono>
#include <iterator>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/status_macros.h"
#include "server/rpc/field_error.h"
#include "server/session/request_check.h"

namespace mneme {
namespace {

constexpr absl::string_view kSessionKey = "mneme-session-id";
constexpr absl::string_view kTenantKey = "mneme-tenant";

absl::StatusOr<absl::optional<absl::string_view>> MetadataValue(
    const grpc::CallbackServerContext& context, absl::string_view key) {
  const auto [begin, end] = context.client_metadata().equal_range(
      grpc::string_ref(key.data(), key.size()));
  if (begin == end) return absl::nullopt;
  if (std::next(begin) != end) {
    return FieldError(absl::StrCat("metadata ", key), "sent more than once");
  }
  return absl::string_view(begin->second.data(), begin->second.size());
}

absl::Duration CallDeadline(const grpc::CallbackServerContext& context,
                            const Clock& clock) {
  const auto deadline = context.deadline();
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return absl::InfiniteDuration();
  }
  return clock.Monotonic() + (absl::FromChrono(deadline) - clock.Wall());
}

}  // namespace

absl::StatusOr<CallInfo> ReadCall(const grpc::CallbackServerContext& context,
                                  const TenantPolicy& policy,
                                  const Clock& clock) {
  CallInfo call;
  ASSIGN_OR_RETURN(const auto tenant, MetadataValue(context, kTenantKey));
  ASSIGN_OR_RETURN(call.tenant, TenantOf(policy, tenant));
  ASSIGN_OR_RETURN(const auto routed, MetadataValue(context, kSessionKey));
  if (routed.has_value()) call.routed_session = std::string(*routed);
  call.deadline = CallDeadline(context, clock);
  return call;
}

absl::StatusOr<SessionKey> ReadSessionKey(const CallInfo& call,
                                          const std::string& session_id) {
  RETURN_IF_ERROR(CheckSessionId(session_id));
  if (call.routed_session.has_value() && *call.routed_session != session_id) {
    return FieldError(
        absl::StrCat("metadata ", kSessionKey),
        absl::StrCat("is ", Quoted(*call.routed_session),
                     ", but the request's session_id is ", Quoted(session_id)));
  }
  return SessionKey{call.tenant, session_id};
}

}  // namespace mneme
