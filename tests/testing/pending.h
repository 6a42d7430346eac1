#ifndef MNEME_TESTS_TESTING_PENDING_H_
#define MNEME_TESTS_TESTING_PENDING_H_

#include <condition_variable>
#include <memory>
#include <optional>
#include <utility>

#include "server/base/mutex.h"

namespace mneme {

// A value that a callback will bring: hand Setter() to the code under test,
// then Get() waits for it. Copies share the value. Thread-safe. (absl's and
// std's own would do, but ThreadSanitizer does not see into the first.)
template <typename T>
class Pending {
 public:
  auto Setter() const {
    return [state = state_](T value) {
      MutexLock lock(&state->mu);
      state->sets++;
      state->value.emplace(std::move(value));
      state->ready.notify_all();
    };
  }

  T Get() const {
    MutexLock lock(&state_->mu);
    while (!state_->value.has_value()) lock.Wait(state_->ready);
    return *state_->value;
  }

  bool ready() const {
    MutexLock lock(&state_->mu);
    return state_->value.has_value();
  }

  // How often the setter was called.
  int sets() const {
    MutexLock lock(&state_->mu);
    return state_->sets;
  }

 private:
  struct State {
    Mutex mu;
    std::condition_variable ready;
    std::optional<T> value ABSL_GUARDED_BY(mu);
    int sets ABSL_GUARDED_BY(mu) = 0;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_PENDING_H_
