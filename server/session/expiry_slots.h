#ifndef MNEME_SERVER_SESSION_EXPIRY_SLOTS_H_
#define MNEME_SERVER_SESSION_EXPIRY_SLOTS_H_

#include <condition_variable>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace mneme {

// Bounds how many sessions end by themselves at once, so that the commits of
// those that live do not wait behind thousands of removals, each with a sync.
// Thread-safe. Begin() blocks: it is called by the expiry queue's thread alone,
// where nothing else is in a hurry.
class ExpirySlots {
 public:
  void Begin() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    while (taken_ == kSlots) lock.Wait(free_);
    ++taken_;
  }
  void End() ABSL_LOCKS_EXCLUDED(mu_) {
    MutexLock lock(&mu_);
    --taken_;
    free_.notify_one();
  }

 private:
  static constexpr int kSlots = 4;

  Mutex mu_;
  std::condition_variable free_;
  int taken_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_EXPIRY_SLOTS_H_
