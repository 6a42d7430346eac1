#ifndef MNEME_SERVER_SESSION_SESSION_TABLE_H_
#define MNEME_SERVER_SESSION_SESSION_TABLE_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/mutex.h"
#include "server/session/session.h"
#include "server/session/session_context.h"
#include "server/session/session_recovery.h"
#include "server/session/session_set.h"
#include "server/session/tombstones.h"

namespace mneme {

// Which of a tenant's sessions are wanted: those after `after` in id order, at
// most `limit`; only those of `model`, and whose ids begin with `prefix`,
// unless it is empty.
struct ListRequest {
  std::string tenant;
  std::string after;
  size_t limit = 0;
  std::string model = {};
  std::string prefix = {};
};
// The greatest `after` that skips nothing that is wanted.
std::string ListStart(const ListRequest& request);

// NOT_FOUND.
absl::Status UnknownSession(const SessionKey& key);

// A server's sessions by key, the keys of those whose record cannot be read,
// and what is remembered of those that are gone. Used by the manager.
// Thread-safe: no call waits for anything but the lock, under which no session
// does more than say whether it is open.
class SessionTable {
 public:
  explicit SessionTable(const SessionLimits& limits)
      : limits_(limits), tombstones_(limits.tombstones) {}

  // REQUIRES: nothing was added yet.
  void Fill(RecoveredSessions recovered) ABSL_LOCKS_EXCLUDED(mu_);

  // UNAVAILABLE (DRAINING), ALREADY_EXISTS, RESOURCE_EXHAUSTED
  // (QUOTA_SESSIONS).
  absl::Status Add(std::shared_ptr<Session> session) ABSL_LOCKS_EXCLUDED(mu_);
  // Takes out this very session, which was closed, and what is remembered of
  // one of the same id before it.
  void Erase(const Session& session) ABSL_LOCKS_EXCLUDED(mu_);
  // The session of that key, which is `session` now if there was none: as Add,
  // but also while the server drains.
  absl::StatusOr<std::shared_ptr<Session>> FindOrAdd(
      std::shared_ptr<Session> session) ABSL_LOCKS_EXCLUDED(mu_);
  // Takes out this very session, and nothing else. False: it is not there.
  bool Drop(const Session& session) ABSL_LOCKS_EXCLUDED(mu_);

  // Takes out a session that has ended by itself. Gives the key of a tombstone
  // that had to go for its one.
  std::optional<SessionKey> Bury(const Tombstone& tombstone)
      ABSL_LOCKS_EXCLUDED(mu_);
  void EraseTombstone(const SessionKey& key) { tombstones_.Erase(key); }
  // Tombstones that have been there long enough go; their keys.
  std::vector<SessionKey> PruneTombstones(absl::Time now);

  // NOT_FOUND, SESSION_EXPIRED, or why its record cannot be read.
  absl::StatusOr<std::shared_ptr<Session>> Find(const SessionKey& key) const
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::shared_ptr<Session>> All() const ABSL_LOCKS_EXCLUDED(mu_);
  // Of some sessions, others each time, the one of those with a LastUse that
  // has not been used for the longest; of those that other servers may have or,
  // without `shared`, of those that only this one has. nullptr: there is none.
  std::shared_ptr<Session> FindUnused(bool shared, Session::UnusedSince unused)
      ABSL_LOCKS_EXCLUDED(mu_);

  // See SessionManager::List.
  struct Slice {
    std::vector<std::shared_ptr<Session>> sessions;
    std::string next;
  };
  Slice List(const ListRequest& request) const ABSL_LOCKS_EXCLUDED(mu_);

  // A session whose record cannot be read is being closed: once only, since a
  // second removal could meet a session opened after the first. NOT_FOUND:
  // there is none of that key. FAILED_PRECONDITION: CLOSING.
  absl::Status BeginCloseUnreadable(const SessionKey& key)
      ABSL_LOCKS_EXCLUDED(mu_);
  // After an OK of that: it was removed, or the store failed.
  void EndCloseUnreadable(const SessionKey& key, bool removed)
      ABSL_LOCKS_EXCLUDED(mu_);

  // From now on nothing is added.
  void StartDrain() ABSL_LOCKS_EXCLUDED(mu_);
  bool draining() const ABSL_LOCKS_EXCLUDED(mu_);
  int64_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Status Insert(std::shared_ptr<Session> session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // To be let go of after the lock; nullptr: there is none of that key.
  std::shared_ptr<Session> TakeOut(const SessionKey& key)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  struct Unreadable {
    absl::Status why;
    bool closing = false;
  };

  const SessionLimits limits_;
  Tombstones tombstones_;  // of sessions that are not in sessions_

  mutable Mutex mu_;  // taken before that of tombstones_
  SessionSet sessions_ ABSL_GUARDED_BY(mu_);
  std::map<SessionKey, Unreadable> unreadable_ ABSL_GUARDED_BY(mu_);
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
  // Where FindUnused goes on, without and with `shared`.
  std::array<SessionKey, 2> looked_at_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_TABLE_H_
