#ifndef MNEME_SERVER_SESSION_SHARED_EVENTS_H_
#define MNEME_SERVER_SESSION_SHARED_EVENTS_H_

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/session/admission.h"
#include "server/session/alarms.h"
#include "server/session/session_events.h"
#include "server/store/store_writer.h"

namespace mneme {

// Brings what happens to sessions to those who watch them, through whichever
// server they do: where servers share a store, each leaves its events there
// and, while anybody watches through it, reads those of all.
//
// An event is left once what it tells of is done, and an end before that is
// answered. A server that dies between the two leaves none. While the store
// fails nothing waits for it: what happens then is told later, perhaps twice,
// and what is too much to remember is told as missed.
//
// Owned by the manager. Thread-safe; no call blocks.
class SharedEvents {
 public:
  // None is owned; all outlive this. The admission is begun for each question
  // to the store.
  struct Parts {
    StoreWriter* writer = nullptr;
    SessionEvents* events = nullptr;  // of this server
    Admission* admission = nullptr;
    Alarms* alarms = nullptr;
    Clock* clock = nullptr;
  };
  explicit SharedEvents(const Parts& parts) : parts_(parts) {}

  // `then` is called exactly once, on any thread.
  using Then = absl::AnyInvocable<void() &&>;
  void Publish(const SessionEvent& event, Then then) ABSL_LOCKS_EXCLUDED(mu_);

  // What was not told yet of the session is told as missed.
  void Forget(const SessionKey& key) ABSL_LOCKS_EXCLUDED(mu_);

  // See SessionEvents::Add. UNAVAILABLE (STORE_DOWN). `done` is called exactly
  // once, on any thread; the watcher may be told of events before that.
  using Watching =
      absl::AnyInvocable<void(absl::StatusOr<SessionEvents::Subscription>) &&>;
  void Watch(SessionFilter filter, std::weak_ptr<SessionWatcher> watcher,
             Watching done);

  // Nothing is asked any more, but for what is published still.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Untold {
    SessionKey key;
    SharedDirectory::Note note;
    Then then;  // null: was called
  };

  void Ask(DirectoryThread::Question question);
  void Add(Untold untold) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  std::vector<Untold> TakeUntold() ABSL_LOCKS_EXCLUDED(mu_);
  // Whether there is more to tell, now or later. Gives what waits, if nothing
  // is to wait any more.
  bool OnTold(bool told, std::vector<Untold>* notes, std::vector<Then>* thens)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The others: on the directory's thread, or where too much is asked on any,
  // with a directory that refuses.
  void Tell(SharedDirectory* directory) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status BeginToHear(SharedDirectory* directory) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Hear(SharedDirectory* directory) ABSL_LOCKS_EXCLUDED(mu_);
  void HearOrStop(SharedDirectory* directory) ABSL_LOCKS_EXCLUDED(mu_);
  void SetHeard(std::optional<std::string> mark) ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<std::string> heard() ABSL_LOCKS_EXCLUDED(mu_);
  void HearLater() ABSL_LOCKS_EXCLUDED(mu_);
  bool stopped() ABSL_LOCKS_EXCLUDED(mu_);

  const Parts parts_;
  Mutex mu_;
  // Up to where the others' events were read; nullopt: nobody watches. Written
  // on the directory's thread.
  std::optional<std::string> heard_ ABSL_GUARDED_BY(mu_);
  std::deque<Untold> untold_ ABSL_GUARDED_BY(mu_);
  bool telling_ ABSL_GUARDED_BY(mu_) = false;  // Tell was asked for
  bool failing_ ABSL_GUARDED_BY(mu_) = false;  // the last one did not work
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SHARED_EVENTS_H_
