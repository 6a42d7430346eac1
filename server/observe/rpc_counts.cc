#include "server/observe/rpc_counts.h"

#include <iterator>

namespace mneme {
namespace {

constexpr const char* kNames[] = {
    "Sessions.Open",  "Sessions.Get",      "Sessions.List",
    "Sessions.Close", "Sessions.Rollback", "Sessions.Touch",
    "Sessions.Fork",  "Sessions.Export",   "Sessions.Import",
    "Sessions.Watch", "Segments.Stream",   "Segments.Process",
    "Models.List",    "Models.Get"};

}  // namespace

void RpcCounts::Add(RpcMethod method, absl::StatusCode code) {
  auto number = static_cast<size_t>(code);
  if (number >= kCodes)
    number = static_cast<size_t>(absl::StatusCode::kUnknown);
  calls_[static_cast<size_t>(method)][number].fetch_add(
      1, std::memory_order_relaxed);
}

std::vector<RpcCounts::Count> RpcCounts::Read() const {
  static_assert(std::size(kNames) == kMethods);
  std::vector<Count> counts;
  for (size_t method = 0; method < kMethods; ++method) {
    for (size_t code = 0; code < kCodes; ++code) {
      const int64_t calls =
          calls_[method][code].load(std::memory_order_relaxed);
      if (calls == 0 && code != 0) continue;
      counts.push_back(
          {kNames[method], static_cast<absl::StatusCode>(code), calls});
    }
  }
  return counts;
}

}  // namespace mneme
