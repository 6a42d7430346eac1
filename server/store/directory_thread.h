#ifndef MNEME_SERVER_STORE_DIRECTORY_THREAD_H_
#define MNEME_SERVER_STORE_DIRECTORY_THREAD_H_

#include <condition_variable>
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

  // Starts the thread, if there is a directory. It is not owned and outlives
  // this.
  explicit DirectoryThread(SharedDirectory* directory);
  // Stop().
  ~DirectoryThread();

  DirectoryThread(const DirectoryThread&) = delete;
  DirectoryThread& operator=(const DirectoryThread&) = delete;

  // REQUIRES: there is a directory.
  void Ask(Question question) ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when all that was asked is answered. REQUIRES: nothing but a
  // question that runs asks any more.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // nullptr: there is none left, and it is stopping.
  Question TakeNext() ABSL_LOCKS_EXCLUDED(mu_);

  SharedDirectory* const directory_;
  Mutex mu_;
  std::condition_variable wake_;
  std::deque<Question> questions_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_DIRECTORY_THREAD_H_
