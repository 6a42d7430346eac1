#ifndef MNEME_SERVER_OBSERVE_RPC_COUNTS_H_
#define MNEME_SERVER_OBSERVE_RPC_COUNTS_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace mneme {

// The RPCs of mneme.v1.
enum class RpcMethod : uint8_t {
  kOpenSession,
  kGetSession,
  kListSessions,
  kCloseSession,
  kRollbackSession,
  kTouchSession,
  kForkSession,
  kExportSession,
  kImportSession,
  kWatchSessions,
  kStream,
  kProcess,
  kListModels,
  kGetModel,
};

// How many RPCs ended with which status since the start. Owned by the server;
// server/rpc counts, and the metrics read it at each scrape.
//
// Thread-safe; never blocks.
class RpcCounts {
 public:
  struct Count {
    std::string method;  // "Sessions.Open"
    absl::StatusCode code = absl::StatusCode::kOk;
    int64_t calls = 0;
  };

  void Add(RpcMethod method, absl::StatusCode code);

  // Of each method: its OK, and every other status that occurred.
  std::vector<Count> Read() const;

 private:
  static constexpr size_t kMethods = 14;
  static constexpr size_t kCodes = 17;  // absl::StatusCode's, OK first

  std::array<std::array<std::atomic<int64_t>, kCodes>, kMethods> calls_{};
};

}  // namespace mneme

#endif  // MNEME_SERVER_OBSERVE_RPC_COUNTS_H_
