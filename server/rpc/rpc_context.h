#ifndef MNEME_SERVER_RPC_RPC_CONTEXT_H_
#define MNEME_SERVER_RPC_RPC_CONTEXT_H_

#include <string>

#include "server/base/clock.h"
#include "server/guard/tenant.h"
#include "server/observe/rpc_counts.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_registry.h"
#include "server/session/session_manager.h"
#include "server/session/session_observer.h"

namespace mneme {

// What the services share. Plain pointers: everything outlives the calls.
struct RpcContext {
  Clock* clock = nullptr;
  SessionManager* manager = nullptr;
  SessionObserver* observer = nullptr;  // of messages refused before a session
  CallRegistry* calls = nullptr;
  RpcCounts* counts = nullptr;
  ByteBudget* bytes = nullptr;
  TenantPolicy tenants;
  Durability default_durability = Durability::kSync;
  std::string device;
  // Messages of one stream between read and reply. More lets a client send
  // ahead of the device; each costs its tokens and its outputs in memory.
  size_t stream_window = 4;
  // The largest reply to one message. A stream that has as much between read
  // and written is not read from.
  int64_t max_reply_bytes = int64_t{256} << 20;
  // Events of one Sessions.Watch that wait for its reader, some 300 bytes each.
  size_t watch_queue = 4096;
};

// UNAVAILABLE (DRAINING): the answer to what comes after the drain began.
// `where` is the session's newest place, if one is known: "head" and "tail" in
// the ErrorInfo.
absl::Status DrainingError(const Position* where);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_RPC_CONTEXT_H_
