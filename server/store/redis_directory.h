#ifndef MNEME_SERVER_STORE_REDIS_DIRECTORY_H_
#define MNEME_SERVER_STORE_REDIS_DIRECTORY_H_

#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "server/base/mutex.h"
#include "server/store/redis_connection.h"
#include "server/store/redis_keys.h"
#include "server/store/shared_directory.h"

namespace mneme {

// The directory of a RedisStore: two sorted sets, in a slot of their own, which
// change before what they tell of comes to be, and after it is gone. So what
// they say may be too much, never too little. Owns a connection.
class RedisDirectory : public SharedDirectory {
 public:
  // `keys` is not owned and outlives this; `owner`: RedisSessions::owner();
  // `durable`: what is in Redis is on disk, and on as many replicas as it must.
  RedisDirectory(RedisConnection::Options connection, const RedisKeys* keys,
                 std::string owner, bool durable);

  absl::StatusOr<std::vector<Entry>> Look(
      const std::vector<SessionKey>& sessions) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::vector<std::string>> List(const std::string& tenant,
                                                const std::string& after,
                                                size_t limit) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<std::vector<Due>> FindDue(size_t limit) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status AskLater(const std::vector<Later>& later) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Forget(const Due& due, const std::string& tombstone) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Tell(const std::vector<Note>& notes) override
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<Heard> Hear(const std::string& after, size_t limit) override
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // `left`: the places of those that an index named, and that were not there,
  // since they were removed meanwhile, or are not made yet.
  absl::StatusOr<std::vector<Entry>> LookOnce(
      const std::vector<SessionKey>& sessions, std::vector<size_t>* left)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The index of each: root, claim, tombstone; or an error.
  absl::StatusOr<std::vector<RedisReply>> ReadIndexes(
      const std::vector<SessionKey>& sessions)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes the id back from a creator that may yet come.
  absl::Status ForgetClaim(const SessionKey& session)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const RedisKeys* const keys_;
  const std::string owner_;
  const bool durable_;
  Mutex mu_;
  RedisConnection connection_ ABSL_GUARDED_BY(mu_);
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_DIRECTORY_H_
