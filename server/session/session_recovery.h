#ifndef MNEME_SERVER_SESSION_SESSION_RECOVERY_H_
#define MNEME_SERVER_SESSION_SESSION_RECOVERY_H_

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "model/sequence_model.h"
#include "server/session/session.h"
#include "server/session/session_context.h"
#include "server/session/session_set.h"
#include "server/session/tombstones.h"
#include "server/store/memory_store.h"

namespace mneme {

struct RecoveredSessions {
  // Open. Those whose model is gone or is another one say so to each message
  // (Session::unusable).
  SessionSet sessions;
  // Why a record cannot be read, in words that name the session: DATA_LOSS, or
  // FAILED_PRECONDITION for the format of a newer server.
  std::map<SessionKey, absl::Status> unreadable;
  // Those that can be read.
  std::vector<Tombstone> tombstones;
};

// An open session of that record. DATA_LOSS or FAILED_PRECONDITION in words
// that name it: it cannot be read.
absl::StatusOr<std::shared_ptr<Session>> RecoverSession(
    const SessionContext* context,
    const std::map<std::string, SequenceModel*>& models,
    const StoredRecord& stored);

// Reads every record of the store. What the sessions used last retain is then
// in the index of prefixes, if there is one: of as many sessions as it has
// entries, so a million cost no more than their records do. Called once, by the
// manager, at start-up; blocks on the disk.
absl::StatusOr<RecoveredSessions> RecoverSessions(
    const SessionContext* context,
    const std::map<std::string, SequenceModel*>& models, MemoryStore* store);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_RECOVERY_H_
