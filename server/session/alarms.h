#ifndef MNEME_SERVER_SESSION_ALARMS_H_
#define MNEME_SERVER_SESSION_ALARMS_H_

#include <condition_variable>
#include <map>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace mneme {

// Calls back at instants of Clock::Monotonic(), on a thread of its own, the
// earliest first, with no lock held. Each callback is called exactly once: what
// is left when the alarms stop is called then, and what is set later at once,
// by who sets it.
//
// Thread-safe. A callback must not block: others wait for it. It may set
// alarms.
class Alarms {
 public:
  using Ring = absl::AnyInvocable<void() &&>;

  // Starts the thread. `clock` is not owned and outlives the alarms.
  explicit Alarms(Clock* clock);
  // Stop().
  ~Alarms();

  Alarms(const Alarms&) = delete;
  Alarms& operator=(const Alarms&) = delete;

  void Set(absl::Duration at, Ring ring) ABSL_LOCKS_EXCLUDED(mu_);
  // No callback runs after it. REQUIRES: not called by a callback.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // False, and not taken: it has stopped.
  bool Add(absl::Duration at, Ring* ring) ABSL_LOCKS_EXCLUDED(mu_);
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for the next one; nullptr: there is none left, and it is stopping.
  Ring TakeNext() ABSL_LOCKS_EXCLUDED(mu_);

  Clock* const clock_;
  Mutex mu_;
  std::condition_variable wake_;
  std::multimap<absl::Duration, Ring> rings_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_ALARMS_H_
