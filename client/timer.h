#ifndef MNEME_CLIENT_TIMER_H_
#define MNEME_CLIENT_TIMER_H_

#include <condition_variable>
#include <memory>
#include <thread>

#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace mneme::client {

// Runs functions later: the waits between a stream's attempts. Thread-safe. One
// timer serves all streams of a client, so that waiting costs no threads.
class Timer {
 public:
  virtual ~Timer() = default;

  // Time since an arbitrary origin; never goes back.
  virtual absl::Duration Now() const = 0;

  // Runs `function` once, on the timer's thread, after `delay`. It must not
  // block. Functions that wait when the timer is destroyed are dropped.
  virtual void RunAfter(absl::Duration delay,
                        absl::AnyInvocable<void() &&> function) = 0;
};

// A Timer on a Clock, with one thread. The last owner may be a function that it
// runs: then the thread ends by itself.
class TimerThread : public Timer {
 public:
  explicit TimerThread(Clock* clock);
  ~TimerThread() override;

  absl::Duration Now() const override;
  void RunAfter(absl::Duration delay,
                absl::AnyInvocable<void() &&> function) override;

 private:
  struct State;
  static void Run(const std::shared_ptr<State>& state);

  // Shared with the thread, which may outlive this object by a moment.
  const std::shared_ptr<State> state_;
  std::thread thread_;  // last: it uses the state
};

}  // namespace mneme::client

#endif  // MNEME_CLIENT_TIMER_H_
