#ifndef MNEME_SERVER_STORE_SCRUBBER_H_
#define MNEME_SERVER_STORE_SCRUBBER_H_

#include <condition_variable>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/base/mutex.h"
#include "server/store/memory_store.h"

namespace mneme {

// The thread that waits for MemoryStore::Scrub, so that no commit has to. One
// Scrub serves all who asked before it began. Owned by the StoreWriter.
//
// Thread-safe. Each `done` is called exactly once, on this thread, no lock
// held.
class Scrubber {
 public:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;

  // `store` is not owned and outlives the scrubber.
  explicit Scrubber(MemoryStore* store)
      : store_(store), thread_([this] { Loop(); }) {}
  // Completes what was asked for, then ends the thread.
  ~Scrubber();

  Scrubber(const Scrubber&) = delete;
  Scrubber& operator=(const Scrubber&) = delete;

  void Scrub(Done done) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // Empty: the scrubber is stopping and nothing is left.
  std::vector<Done> TakeAll() ABSL_LOCKS_EXCLUDED(mu_);

  MemoryStore* const store_;

  Mutex mu_;
  std::condition_variable wake_;
  std::vector<Done> asked_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_SCRUBBER_H_
