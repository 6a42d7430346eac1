#ifndef MNEME_SERVER_STORE_DIRECTORY_THREAD_H_
#define MNEME_SERVER_STORE_DIRECTORY_THREAD_H_

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "server/base/mutex.h"
#include "server/store/shared_directory.h"

namespace mneme {

// Asks a shared directory, which blocks, on a thread of its own, so that no
// commit waits for a question. Thread-safe; used by the store writer.
class DirectoryThread {
 public:
  // On the thread, with no lock held; in order.
  using Question = absl::AnyInvocable<void(SharedDirectory*) &&>;

  // How many may wait. More means more memory while the directory hangs; far
  // fewer ask at once while it works.
  static constexpr size_t kMostWaiting = 4096;

  // Starts the thread, if there is a directory. It is not owned and outlives
  // this.
  explicit DirectoryThread(SharedDirectory* directory,
                           size_t most_waiting = kMostWaiting);
  // Stop().
  ~DirectoryThread();

  DirectoryThread(const DirectoryThread&) = delete;
  DirectoryThread& operator=(const DirectoryThread&) = delete;

  // Past the limit the question runs at once, on the caller's thread, and gets
  // a directory that refuses everything: RESOURCE_EXHAUSTED (QUEUE_FULL).
  // REQUIRES: there is a directory, and no lock is held.
  void Ask(Question question) ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when all that was asked is answered. REQUIRES: nothing but a
  // question that runs asks any more.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // nullptr: there is none left, and it is stopping.
  Question TakeNext() ABSL_LOCKS_EXCLUDED(mu_);

  // Whether the question waits now; then it is moved from.
  bool Enqueue(Question* question) ABSL_LOCKS_EXCLUDED(mu_);

  SharedDirectory* const directory_;
  const size_t most_waiting_;
  Mutex mu_;
  std::condition_variable wake_;
  std::deque<Question> questions_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_DIRECTORY_THREAD_H_
