#ifndef MNEME_SERVER_SESSION_PINS_H_
#define MNEME_SERVER_SESSION_PINS_H_

#include <vector>

#include "server/session/handle.h"
#include "server/session/record_call.h"

namespace mneme {

// The most values that a session may have pinned.
inline constexpr size_t kMaxPins = 64;

// Pins and unpins values that a session retains. A pinned value stays until it
// is unpinned, rolled back, or the session is closed; its memory is kept, not
// the replies after it. Pinning twice and unpinning what is not pinned change
// nothing. Errors: ABORTED VERSION_CONFLICT, FAILED_PRECONDITION NOT_RETAINED,
// RESOURCE_EXHAUSTED QUOTA_PINS.
RecordEdit ChangePins(std::vector<MemoryHandle> pin,
                      std::vector<MemoryHandle> unpin);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_PINS_H_
