#ifndef MNEME_TESTS_TESTING_LONG_LIVED_FORK_H_
#define MNEME_TESTS_TESTING_LONG_LIVED_FORK_H_

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <condition_variable>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace mneme {

// Forks children that are killed when this process ends, however it does. That
// death signal comes when the thread ends that forked, so there is one thread
// for it, which ends with the process. Thread-safe.
class LongLivedFork {
 public:
  // The child's id, as fork() gives it. `child` runs in it and does not return;
  // between fork and exec it may call little.
  static pid_t Run(const std::function<void()>& child) {
    static auto* const instance = new LongLivedFork;
    return instance->Fork(child);
  }

 private:
  LongLivedFork() {
    std::thread([this] { Loop(); }).detach();
  }

  pid_t Fork(const std::function<void()>& child) ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (child_ != nullptr) lock.Wait(changed_);
    child_ = &child;
    changed_.notify_all();
    while (!forked_.has_value()) lock.Wait(changed_);
    child_ = nullptr;
    changed_.notify_all();
    return *std::exchange(forked_, std::nullopt);
  }

  void Loop() ABSL_LOCKS_EXCLUDED(mu_) {
    for (;;) {
      MutexLock lock(&mu_);
      while (child_ == nullptr || forked_.has_value()) lock.Wait(changed_);
      const pid_t parent = getpid();
      const pid_t pid = fork();
      if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent) (*child_)();
        _exit(127);
      }
      forked_ = pid;
      changed_.notify_all();
    }
  }

  Mutex mu_;
  std::condition_variable changed_;
  // What is to be run; of a caller that waits.
  const std::function<void()>* child_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::optional<pid_t> forked_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_LONG_LIVED_FORK_H_
