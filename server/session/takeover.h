#ifndef MNEME_SERVER_SESSION_TAKEOVER_H_
#define MNEME_SERVER_SESSION_TAKEOVER_H_

#include <atomic>
#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/session/alarms.h"
#include "server/session/session_observer.h"
#include "server/store/store_writer.h"

namespace mneme {

class Session;
class SessionTable;
class SharedEvents;

// UNAVAILABLE (NOT_OWNER), to be retried at once: the session is elsewhere, or
// another one.
absl::Status MovedError(absl::string_view why);

// Gets sessions of this server's table from the store (again): after a commit
// of which nobody knows what became of it, and where servers share the store,
// once another server may have had the session. What another one holds it is
// asked for, and waited for: it releases a session with the next segment that
// it commits, and the lease of one that died or sleeps runs out.
//
// Thread-safe; `done` is called exactly once, on any thread, with no lock held.
class Takeover {
 public:
  struct Acquired {
    MemoryStore::Reloaded reloaded;
    // When the store was asked (Clock::Monotonic): until a lease after that,
    // nobody else changes the session.
    absl::Duration asked;
  };
  using Done = absl::AnyInvocable<void(const absl::StatusOr<Acquired>&) &&>;

  // None is owned; all outlive this, but what Stop() has ended.
  struct Parts {
    SessionTable* table = nullptr;
    StoreWriter* writer = nullptr;
    SessionObserver* observer = nullptr;
    SharedEvents* events = nullptr;  // told of what another server had
    Clock* clock = nullptr;
  };
  // Waits no longer than `wait` for another server.
  Takeover(const Parts& parts, absl::Duration wait);

  // kAsk waits for another server that has it. Errors: UNAVAILABLE (NOT_OWNER):
  // that one has it still; (STORE_DOWN). NOT_FOUND, FAILED_PRECONDITION
  // (SESSION_EXPIRED): it is gone, from the table too. UNAVAILABLE (NOT_OWNER)
  // also if there is another of its id, to be found at once. DATA_LOSS.
  // `session` lives until `done`, and commits nothing until then.
  void Acquire(const Session& session, MemoryStore::IfHeld if_held, Done done);

  // Who still waits for another server gets NOT_OWNER.
  void Stop();

 private:
  struct Wait;
  using WaitRef = std::shared_ptr<Wait>;

  void Try(WaitRef wait);
  void OnReloaded(WaitRef wait, absl::StatusOr<MemoryStore::Reloaded> reloaded);
  // Tells those who watch, if another server had it.
  void OnAcquired(const WaitRef& wait, const Acquired& acquired);
  void TellMoved(const StoredRecord& stored);
  // Another server holds it: tries again later, unless that is too late.
  void Pause(WaitRef wait, const absl::Status& not_owner);
  // It is not, or no more, in the store.
  void OnGone(WaitRef wait);
  void Finish(const WaitRef& wait, const absl::StatusOr<Acquired>& answer);

  const Parts parts_;
  const absl::Duration wait_;
  std::atomic<bool> stopping_ = false;
  Alarms alarms_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_TAKEOVER_H_
