#ifndef MNEME_SERVER_STORE_REDIS_CONNECTION_H_
#define MNEME_SERVER_STORE_REDIS_CONNECTION_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/store/redis_address.h"
#include "server/store/redis_reply.h"
#include "server/store/redis_suspects.h"

struct redisContext;

namespace mneme {

// OK unless the reply is an error. What passes by itself or with another
// server (LOADING, READONLY, OOM, ...) is UNAVAILABLE with reason STORE_DOWN,
// the rest (no permission, no such command) FAILED_PRECONDITION.
absl::Status StatusOf(const RedisReply& reply);

// UNAVAILABLE, with reason STORE_DOWN and a time to retry after.
absl::Status RedisDown(absl::string_view message);

// One connection to one Redis, made when it is first needed and again after it
// was lost: one that the server has closed is noticed before anything is sent.
// Owns the socket. hiredis 0.14 under it speaks neither TLS nor Redis
// Cluster. Used by one thread at a time; calls block, for the connect timeout
// and the reply timeout (a reply) at most.
class RedisConnection {
 public:
  struct Options {
    RedisAddress address;
    absl::Duration connect_timeout = absl::Seconds(1);
    absl::Duration reply_timeout = absl::Seconds(5);
    // After a connect that failed, calls fail at once for so long.
    absl::Duration reconnect_pause = absl::Milliseconds(200);
    // Run on each new connection, before anything else.
    std::vector<RedisCommand> hello;
    // The text of the script of that SHA-1, nullptr for none: what EVALSHA does
    // not find is sent again as EVAL, after the other commands. For a proxy,
    // behind which no connection can load scripts.
    std::function<const std::string*(const std::string&)> script;
    Clock* clock = Clock::Real();  // not owned; outlives the connection
  };

  explicit RedisConnection(Options options);
  ~RedisConnection();
  RedisConnection(const RedisConnection&) = delete;
  RedisConnection& operator=(const RedisConnection&) = delete;

  // Sends all commands, then reads their replies: one round trip. An error that
  // Redis replies is among the replies, and costs the connection, since the
  // server may not be the right one any more. What a node of a cluster cannot
  // do yet while a slot moves (TRYAGAIN) is sent again some times, after the
  // others; what one that hangs failed is not sent for a while, and fails at
  // once (RedisSuspects). UNAVAILABLE (STORE_DOWN): there
  // is no connection, or it was lost or too slow; then nobody knows which
  // commands were run, and they may still be.
  absl::StatusOr<std::vector<RedisReply>> Run(
      const std::vector<RedisCommand>& commands);
  // The same of one; an error in the reply becomes the status.
  absl::StatusOr<RedisReply> Run(const RedisCommand& command);

 private:
  struct Close {
    void operator()(redisContext* context) const;
  };
  bool ClosedByServer() const;
  absl::Status Connect();
  absl::Status TryConnect();
  absl::StatusOr<std::vector<RedisReply>> Send(
      const std::vector<RedisCommand>& commands);
  absl::StatusOr<std::vector<RedisReply>> Exchange(
      const std::vector<RedisCommand>& commands);
  absl::Status SendTexts(const std::vector<RedisCommand>& commands,
                         std::vector<RedisReply>* replies);
  absl::Status TryAgain(const std::vector<RedisCommand>& commands,
                        std::vector<RedisReply>* replies);
  absl::Status Lost(absl::string_view doing);

  const Options options_;
  std::unique_ptr<redisContext, Close> context_;
  absl::Duration not_before_ = -absl::InfiniteDuration();
  RedisSuspects suspects_;
};

// Blocks for so long.
void Pause(Clock* clock, absl::Duration pause);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_CONNECTION_H_
