#ifndef MNEME_SERVER_SESSION_TOUCH_H_
#define MNEME_SERVER_SESSION_TOUCH_H_

#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "server/session/handle.h"
#include "server/session/record_call.h"

namespace mneme {

// The most values that a session may have pinned.
inline constexpr size_t kMaxPins = 64;

// What a use of a session may change beside. TTLs are above 0.
struct TouchChange {
  std::vector<MemoryHandle> pin;
  std::vector<MemoryHandle> unpin;
  std::optional<absl::Duration> idle_ttl;
  std::optional<absl::Duration> max_age;
};

// Uses a session, so that its idle TTL begins anew, and changes its TTLs and
// pins. A pinned value stays until it is unpinned, rolled back, or the session
// is closed; its memory is kept, not the replies after it. Pinning twice and
// unpinning what is not pinned change nothing. Errors: ABORTED
// VERSION_CONFLICT, FAILED_PRECONDITION NOT_RETAINED, RESOURCE_EXHAUSTED
// QUOTA_PINS.
RecordEdit Touch(TouchChange change);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_TOUCH_H_
