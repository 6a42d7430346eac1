#ifndef MNEME_SERVER_STORE_REDIS_SUSPECTS_H_
#define MNEME_SERVER_STORE_REDIS_SUSPECTS_H_

#include <set>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/store/redis_reply.h"

namespace mneme {

// Which keys not to ask for just now, since they live on a node of a cluster
// that hangs. A proxy answers in order, so each command to such a node holds up
// all that is asked after it for as long as the proxy waits. Those that failed
// slowly rest together, for some times as long as it took; then all of them may
// be asked, and rest again unless they are answered. So a node that hangs costs
// the others that share of their time at most, and once what it takes to find
// out that a key is one of its own. What fails at once is no suspect.
//
// Knows keys by what decides on their node: the hash tag, or all of the key.
// Used by one thread at a time; owned by a RedisConnection.
class RedisSuspects {
 public:
  // Whether there is anything not to ask for.
  bool any_rest(absl::Duration now) const {
    return now < rest_until_ && !tags_.empty();
  }
  // REQUIRES: any_rest().
  bool Has(const RedisCommand& command) const;
  // What is replied instead.
  static RedisReply Refusal();

  // What became of commands that were sent at `sent` and answered by `now`.
  void Note(const std::vector<RedisCommand>& commands,
            const std::vector<RedisReply>& replies, absl::Duration sent,
            absl::Duration now);

 private:
  std::set<std::string, std::less<>> tags_;
  absl::Duration rest_until_ = -absl::InfiniteDuration();
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_SUSPECTS_H_
