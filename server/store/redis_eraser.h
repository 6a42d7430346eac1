#ifndef MNEME_SERVER_STORE_REDIS_ERASER_H_
#define MNEME_SERVER_STORE_REDIS_ERASER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/redis_connection.h"
#include "server/store/redis_keys.h"

namespace mneme {

// Makes the bytes of what was removed leave the files of a Redis: has it write
// its append-only file and its snapshot anew. (Whether there is a snapshot from
// earlier nobody can ask, so there is one afterwards.) Replicas have files of
// their own, which cannot be reached through the primary.
//
// That this is due is noted in Redis: a mark for each removal, made before it.
// A server takes away its own marks, of removals that it knows to be done, and
// those of others once they are so old that nobody is still at it. So whichever
// server is asked again makes up for one that died.
//
// Scrub() is one thread's and blocks on a connection of its own; the rest is
// another's, which does not wait for it.
class RedisEraser {
 public:
  // `keys` is not owned and outlives this; `owner`: RedisSessions::owner().
  RedisEraser(RedisConnection::Options connection, const RedisKeys* keys,
              std::string owner);

  // Before a removal. UNIMPLEMENTED: there are replicas, or commands missing.
  absl::Status Mark(RedisConnection* connection) ABSL_LOCKS_EXCLUDED(mu_);
  // The removal that was marked last begins. nullopt: it is not to leave no
  // trace.
  std::optional<std::string> TakeMark() {
    return std::exchange(mark_, std::nullopt);
  }
  // It is done.
  void Removed(std::string mark) ABSL_LOCKS_EXCLUDED(mu_);

  // See MemoryStore::Scrub. UNIMPLEMENTED: there are replicas now;
  // FAILED_PRECONDITION: Redis does not allow it; UNAVAILABLE (STORE_DOWN): it
  // could not be done.
  absl::Status Scrub() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // If it is due, or these were removed.
  absl::Status Rewrite(const std::vector<std::string>& removed);
  absl::Status RewriteLog();
  absl::Status RewriteSnapshot();
  // Has Redis start `command`, when nothing of its kind that may have begun
  // before runs any more, and waits for its end.
  absl::Status RunAlone(const std::string& command,
                        const std::vector<std::string>& running,
                        const std::string& status);
  // Once Redis has no other child.
  absl::Status Start(const std::string& command,
                     const std::vector<std::string>& running);
  absl::Status AwaitNone(const std::vector<std::string>& running);
  absl::StatusOr<std::string> ReadInfo(const std::string& name);

  const RedisKeys* const keys_;
  const std::string owner_;
  Clock* const clock_;

  // The other thread's.
  std::optional<std::string> mark_;
  int64_t marks_ = 0;

  Mutex mu_;
  std::vector<std::string> removed_ ABSL_GUARDED_BY(mu_);

  RedisConnection connection_;  // Scrub's
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_ERASER_H_
