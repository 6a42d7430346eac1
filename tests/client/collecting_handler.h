#ifndef MNEME_TESTS_CLIENT_COLLECTING_HANDLER_H_
#define MNEME_TESTS_CLIENT_COLLECTING_HANDLER_H_

#include <condition_variable>
#include <cstddef>
#include <vector>

#include "client/session_stream.h"
#include "server/base/mutex.h"

namespace mneme::testing {

// Keeps all that a stream says. Thread-safe.
class CollectingHandler : public client::StreamHandler {
 public:
  void OnSegment(const client::SegmentResult& segment) override {
    MutexLock lock(&mu_);
    segments_.push_back(segment);
    changed_.notify_all();
  }
  void OnRetry(const absl::Status& error, const client::MemoryHandle& from,
               absl::Duration /*delay*/) override {
    MutexLock lock(&mu_);
    retries_.push_back(error);
    resumed_from_.push_back(from);
  }
  void OnDone(const absl::Status& /*status*/) override {
    MutexLock lock(&mu_);
    ++done_;
    changed_.notify_all();
  }

  void AwaitSegments(size_t n) {
    MutexLock lock(&mu_);
    while (segments_.size() < n && done_ == 0) lock.Wait(changed_);
  }
  std::vector<client::SegmentResult> segments() const {
    MutexLock lock(&mu_);
    return segments_;
  }
  std::vector<absl::Status> retries() const {
    MutexLock lock(&mu_);
    return retries_;
  }
  std::vector<client::MemoryHandle> resumed_from() const {
    MutexLock lock(&mu_);
    return resumed_from_;
  }
  int done() const {
    MutexLock lock(&mu_);
    return done_;
  }

 private:
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::vector<client::SegmentResult> segments_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Status> retries_ ABSL_GUARDED_BY(mu_);
  std::vector<client::MemoryHandle> resumed_from_ ABSL_GUARDED_BY(mu_);
  int done_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_COLLECTING_HANDLER_H_
