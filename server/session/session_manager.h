#ifndef MNEME_SERVER_SESSION_SESSION_MANAGER_H_
#define MNEME_SERVER_SESSION_SESSION_MANAGER_H_

#include <condition_variable>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/schedule/scheduler.h"
#include "server/session/segment.h"
#include "server/session/session.h"
#include "server/session/session_context.h"
#include "server/store/memory_store.h"
#include "server/store/store_writer.h"

namespace mneme {

// The sessions of a server: makes, finds, lists, recovers, closes and drains
// them, and hands each message to its session. Owns the Session objects; does
// not own the models, the scheduler or the store writer, which outlive it.
//
// Thread-safe; no call blocks (but Recover, at start-up, and WaitIdle and the
// destructor, at the end). Callbacks run exactly once, on any thread, possibly
// before the call returns, and never under a lock.
class SessionManager {
 public:
  struct OpenRequest {
    std::string model;  // may be empty when there is just one
    MemoryPolicy policy = MemoryPolicy::kCarry;
    Durability durability = Durability::kSync;
  };

  // `models` by name; `context` holds what all sessions share.
  SessionManager(SessionContext context,
                 std::map<std::string, SequenceModel*> models);
  // Ends what is left: each session finishes the segment that runs, refuses
  // the rest; waits for all of it.
  ~SessionManager();

  // Reads every record of the store and removes orphans; before any other
  // call. Returns how many sessions came back. A session whose record is
  // corrupt answers DATA_LOSS from then on (and no orphans are removed, since
  // they may be its), one whose model is gone or has
  // another fingerprint FAILED_PRECONDITION (MODEL_MISMATCH).
  absl::StatusOr<int64_t> Recover(MemoryStore* store);

  // INVALID_ARGUMENT (session_id), NOT_FOUND (model), ALREADY_EXISTS,
  // RESOURCE_EXHAUSTED (QUOTA_SESSIONS), UNAVAILABLE (DRAINING, STORE_DOWN).
  void Open(const SessionKey& key, const OpenRequest& request,
            absl::AnyInvocable<void(absl::StatusOr<SessionInfo>) &&> done);

  absl::StatusOr<SessionInfo> Get(const SessionKey& key) const;

  // The tenant's sessions after `after` in id order, at most `limit`; only
  // those of `model` unless it is empty.
  std::vector<SessionInfo> List(const std::string& tenant,
                                const std::string& after, size_t limit,
                                const std::string& model) const;

  // Ends a session and removes what it stored; gives the last handle.
  void Close(const SessionKey& key,
             absl::AnyInvocable<void(absl::StatusOr<MemoryHandle>) &&> done);

  // Checks a request against the session's model and queues it. See
  // segments.proto for what comes back.
  void Process(const SessionKey& key, const CursorRef& cursor,
               SegmentRequest request, SegmentDone done);

  // nullptr: no such model. The pointers live as long as the server.
  const SequenceModel* FindModel(const std::string& name) const;
  std::vector<const SequenceModel*> models() const;
  // The model of a session, for reading its requests; NOT_FOUND as Get.
  absl::StatusOr<const SequenceModel*> ModelOf(const SessionKey& key) const;

  // From now on Open is refused with DRAINING. Messages already given to
  // Process are applied, committed and answered; rpc stops reading.
  void StartDrain();
  // True when everything begun was answered, false when `deadline` (monotonic)
  // passed first.
  bool WaitIdle(absl::Duration deadline) ABSL_LOCKS_EXCLUDED(mu_);

  struct Stats {
    int64_t sessions = 0;
    int64_t pending_requests = 0;
  };
  Stats stats() const;

 private:
  absl::StatusOr<std::shared_ptr<Session>> Find(const SessionKey& key) const
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::shared_ptr<Session>> Reserve(const SessionKey& key,
                                                   const OpenRequest& request)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Forget(const SessionKey& key) ABSL_LOCKS_EXCLUDED(mu_);
  // False: the record cannot be read, nor which objects it names.
  bool RecoverOne(const StoredRecord& record, std::vector<ObjectKey>* named);
  // A message takes a place in the queue; a full server refuses it.
  absl::Status Admit() ABSL_LOCKS_EXCLUDED(mu_);
  void Leave() ABSL_LOCKS_EXCLUDED(mu_);
  // Every callback that uses the manager stands between Begin and End.
  void Begin() ABSL_LOCKS_EXCLUDED(mu_);
  void End() ABSL_LOCKS_EXCLUDED(mu_);

  SessionContext context_;
  const std::map<std::string, SequenceModel*> models_;

  mutable Mutex mu_;
  std::condition_variable idle_;
  std::map<SessionKey, std::shared_ptr<Session>> sessions_ ABSL_GUARDED_BY(mu_);
  std::set<SessionKey> corrupt_ ABSL_GUARDED_BY(mu_);
  int64_t pending_ ABSL_GUARDED_BY(mu_) = 0;  // messages not answered yet
  int64_t begun_ ABSL_GUARDED_BY(mu_) = 0;    // callbacks still to end
  bool draining_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_MANAGER_H_
