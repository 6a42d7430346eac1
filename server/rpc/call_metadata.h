#ifndef MNEME_SERVER_RPC_CALL_METADATA_H_
#define MNEME_SERVER_RPC_CALL_METADATA_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"
#include "server/base/clock.h"
#include "server/guard/tenant.h"
#include "server/store/memory_store.h"

namespace mneme {

// What the server reads of a call beside its messages.
struct CallInfo {
  std::string tenant;
  // Metadata `mneme-session-id`, which proxies route by.
  absl::optional<std::string> routed_session;
  // On the monotonic clock; infinite when the caller set none.
  absl::Duration deadline = absl::InfiniteDuration();
};

// INVALID_ARGUMENT for metadata that is malformed or was sent twice. Reads the
// context only: any thread, while the call is open.
absl::StatusOr<CallInfo> ReadCall(const grpc::CallbackServerContext& context,
                                  const TenantPolicy& policy,
                                  const Clock& clock);

// The session that a request's `session_id` names for this call.
// INVALID_ARGUMENT for an id that no session can have, or another one than the
// metadata's. A pure function.
absl::StatusOr<SessionKey> ReadSessionKey(const CallInfo& call,
                                          const std::string& session_id);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_CALL_METADATA_H_
