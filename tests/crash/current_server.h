#ifndef MNEME_TESTS_CRASH_CURRENT_SERVER_H_
#define MNEME_TESTS_CRASH_CURRENT_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"

namespace mneme {

// Where the server is now, between the clients and the one that kills it.
// Thread-safe.
class CurrentServer {
 public:
  // A connection of its own to a server at `address`.
  static std::shared_ptr<grpc::Channel> Connect(const std::string& address);

  // The killer: a server is there; it is gone; the run is over.
  void Announce(const std::string& address) ABSL_LOCKS_EXCLUDED(mu_);
  void Ended() ABSL_LOCKS_EXCLUDED(mu_);
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);
  // Until there were so many more answers; false: the announced server ended,
  // or the run is over, before.
  bool AwaitAnswers(int64_t more) ABSL_LOCKS_EXCLUDED(mu_);

  // A client: waits for a server after the one that was announced as the
  // `generation`th, which it updates; null: the run is over.
  std::shared_ptr<grpc::Channel> After(int* generation)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Answered() ABSL_LOCKS_EXCLUDED(mu_);
  bool stopped() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::shared_ptr<grpc::Channel> channel_ ABSL_GUARDED_BY(mu_);
  int generation_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t answers_ ABSL_GUARDED_BY(mu_) = 0;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_CURRENT_SERVER_H_
