#ifndef MNEME_SERVER_SESSION_ROLLBACK_H_
#define MNEME_SERVER_SESSION_ROLLBACK_H_

#include <optional>

#include "server/session/handle.h"
#include "server/session/record_call.h"

namespace mneme {

// Takes a session back to `to`, a value that it retains: that is the head then,
// and what came after it is forgotten. `expected_head`, if there is one, must
// be the head, unless the session is at `to` already, without a tail. Errors:
// ABORTED VERSION_CONFLICT, FAILED_PRECONDITION NOT_RETAINED.
RecordEdit RollbackTo(MemoryHandle to,
                      std::optional<MemoryHandle> expected_head);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_ROLLBACK_H_
