#include "client/timer.h"

#include <map>
#include <utility>

namespace mneme::client {

struct TimerThread::State {
  explicit State(Clock* c) : clock(c) {}

  Clock* const clock;
  std::condition_variable changed;
  Mutex mu;
  bool stopping ABSL_GUARDED_BY(mu) = false;
  std::multimap<absl::Duration, absl::AnyInvocable<void() &&>> waiting
      ABSL_GUARDED_BY(mu);
};

TimerThread::TimerThread(Clock* clock)
    : state_(std::make_shared<State>(clock)),
      thread_([state = state_] { Run(state); }) {}

TimerThread::~TimerThread() {
  std::multimap<absl::Duration, absl::AnyInvocable<void() &&>> dropped;
  {
    MutexLock lock(&state_->mu);
    state_->stopping = true;
    dropped.swap(state_->waiting);
  }
  state_->changed.notify_all();
  if (thread_.get_id() == std::this_thread::get_id()) {
    thread_.detach();
  } else {
    thread_.join();
  }
}

absl::Duration TimerThread::Now() const { return state_->clock->Monotonic(); }

void TimerThread::RunAfter(absl::Duration delay,
                           absl::AnyInvocable<void() &&> function) {
  {
    MutexLock lock(&state_->mu);
    state_->waiting.emplace(Now() + delay, std::move(function));
  }
  state_->changed.notify_all();
}

void TimerThread::Run(const std::shared_ptr<State>& state) {
  for (;;) {
    absl::AnyInvocable<void() &&> function;
    {
      MutexLock lock(&state->mu);
      while (!state->stopping &&
             (state->waiting.empty() ||
              state->waiting.begin()->first > state->clock->Monotonic())) {
        absl::Duration deadline = state->waiting.empty()
                                      ? absl::InfiniteDuration()
                                      : state->waiting.begin()->first;
        state->clock->WaitUntil(lock, state->changed, deadline);
      }
      if (state->stopping) return;
      function = std::move(state->waiting.begin()->second);
      state->waiting.erase(state->waiting.begin());
    }
    std::move(function)();
  }
}

}  // namespace mneme::client
