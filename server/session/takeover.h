#ifndef MNEME_SERVER_SESSION_TAKEOVER_H_
#define MNEME_SERVER_SESSION_TAKEOVER_H_

#include <atomic>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/session/alarms.h"
#include "server/session/session_observer.h"
#include "server/store/store_writer.h"

namespace mneme {

class Session;
class SessionTable;

// A session's record as the store has it, and when it was asked for it: until a
// lease after that, nobody else changes it.
struct Reacquired {
  StoredRecord record;
  absl::Duration asked;  // Clock::Monotonic
};

// Gets sessions of this server's table from the store (again): after a commit
// of which nobody knows what became of it, and where servers share the store,
// once another server may have had the session. What another one holds it is
// asked for, and waited for: it releases a session with the next segment that
// it commits, and the lease of one that died or sleeps runs out.
//
// Thread-safe; `done` is called exactly once, on any thread, with no lock held.
class Takeover {
 public:
  using Done = absl::AnyInvocable<void(const absl::StatusOr<Reacquired>&) &&>;

  // None is owned; all outlive this, but what Stop() has ended.
  struct Parts {
    SessionTable* table = nullptr;
    StoreWriter* writer = nullptr;
    SessionObserver* observer = nullptr;
    Clock* clock = nullptr;
  };
  // Waits no longer than `wait` for another server.
  Takeover(const Parts& parts, absl::Duration wait);

  // Errors: UNAVAILABLE (NOT_OWNER): another server has it still; (STORE_DOWN).
  // NOT_FOUND, FAILED_PRECONDITION (SESSION_EXPIRED): it is gone, from the
  // table too. UNAVAILABLE (NOT_OWNER) also if there is another of its id, to
  // be found at once. DATA_LOSS. `session` lives until `done`.
  void Acquire(const Session& session, Done done);
  // The same without waiting for another server.
  void TryAcquire(const Session& session, Done done);

  // Who still waits for another server gets NOT_OWNER.
  void Stop();

 private:
  struct Wait;
  using WaitRef = std::shared_ptr<Wait>;

  void Try(WaitRef wait);
  void OnReloaded(WaitRef wait, absl::StatusOr<StoredRecord> stored);
  // Another server holds it: tries again later, unless that is too late.
  void Pause(WaitRef wait, const absl::Status& not_owner);
  // It is not, or no more, in the store.
  void OnGone(WaitRef wait);
  void Finish(const WaitRef& wait, const absl::StatusOr<Reacquired>& answer);

  const Parts parts_;
  const absl::Duration wait_;
  std::atomic<bool> stopping_ = false;
  Alarms alarms_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_TAKEOVER_H_
