#ifndef MNEME_SERVER_SESSION_END_REASON_H_
#define MNEME_SERVER_SESSION_END_REASON_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace mneme {

// Why a session is gone. The numbers are stored (tombstones.h): they stay.
enum class EndReason : uint8_t {
  kIdleTtl = 1,  // it was not used for its idle TTL
  kMaxAge = 2,   // it reached its maximum age, used or not
  kClosed = 3,   // its owner closed it
  kEvicted = 4,  // the server made room
};

// As programs read it, in errors and metrics.
inline absl::string_view EndReasonName(EndReason reason) {
  switch (reason) {
    case EndReason::kIdleTtl:
      return "idle_ttl";
    case EndReason::kMaxAge:
      return "max_age";
    case EndReason::kClosed:
      return "closed";
    case EndReason::kEvicted:
      return "evicted";
  }
  return "unknown";
}

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_END_REASON_H_
