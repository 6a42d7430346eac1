#ifndef MNEME_SERVER_SESSION_ADMISSION_H_
#define MNEME_SERVER_SESSION_ADMISSION_H_

#include <condition_variable>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/schedule/waiting_room.h"

namespace mneme {

// What the session layer has taken on: messages not answered yet, which are
// bounded, and callbacks still to end, for which a drain waits. Thread-safe.
class Admission {
 public:
  // `clock` is not owned and outlives this. Of the messages one tenant's can be
  // `tenant_part`; see WaitingRoom.
  Admission(int64_t max_messages, double tenant_part, Clock* clock)
      : clock_(clock),
        room_({max_messages, tenant_part, "the server", "messages are in it"}) {
  }

  // A message takes a place; RESOURCE_EXHAUSTED (QUEUE_FULL): there is none.
  absl::Status Enter(absl::string_view tenant) ABSL_LOCKS_EXCLUDED(mu_);
  void Leave(absl::string_view tenant) ABSL_LOCKS_EXCLUDED(mu_);

  // Every callback that uses the manager stands between Begin and End.
  void Begin() ABSL_LOCKS_EXCLUDED(mu_);
  void End() ABSL_LOCKS_EXCLUDED(mu_);
  // True when everything begun has ended, false when `deadline` (monotonic)
  // passed first.
  bool WaitIdle(absl::Duration deadline) ABSL_LOCKS_EXCLUDED(mu_);

  int64_t messages() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  Clock* const clock_;

  mutable Mutex mu_;
  std::condition_variable idle_;
  WaitingRoom room_ ABSL_GUARDED_BY(mu_);
  int64_t begun_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_ADMISSION_H_
