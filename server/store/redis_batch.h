#ifndef MNEME_SERVER_STORE_REDIS_BATCH_H_
#define MNEME_SERVER_STORE_REDIS_BATCH_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/store/memory_store.h"
#include "server/store/redis_connection.h"
#include "server/store/redis_keys.h"
#include "server/store/redis_sessions.h"

namespace mneme {

// How many replicas must have a write, and how long they have for it.
struct RedisWait {
  int replicas = 0;
  absl::Duration timeout;

  RedisCommand Command() const;
  // What WAIT replied: UNAVAILABLE (STORE_DOWN) with less replicas than these.
  absl::Status Check(const RedisReply& reply) const;
};

// Some commits that go to Redis together. Those to sessions that this process
// owns take one round trip, the wait for replicas included; a new session, or
// one that is not owned yet, takes one more before it, for the whole batch.
//
// Used by one thread, for one Apply.
class RedisBatch {
 public:
  // None is owned; all outlive the batch.
  RedisBatch(RedisConnection* connection, const RedisKeys* keys,
             RedisSessions* sessions, const RedisWait& wait)
      : connection_(connection),
        keys_(keys),
        sessions_(sessions),
        wait_(wait) {}

  // False: the batch makes this commit's session, so it must run first.
  bool Takes(const Commit& commit) const;
  // Both outlive Run(), which sets `status`. REQUIRES: Takes(), kAsync or
  // kSync.
  void Add(const Commit* commit, absl::Status* status);

  // What became of the batch as a whole.
  struct Outcome {
    bool wrote = false;   // something was applied
    bool waited = false;  // and replicas have it, as many as are asked for
  };
  // Runs all, in order, and is empty again.
  Outcome Run();

 private:
  struct Item {
    const Commit* commit;
    absl::Status* status;
    Root root{};           // the family in which the record is looked for
    std::string claim;     // of a new session
    bool decided = false;  // *status says what became of it
    bool made_no_record = false;  // a new session's claim is of no more use
  };

  void Decide(Item* item, absl::Status status);
  void DecideAll(const absl::Status& status);
  // Claims, acquires and reads what the commits need.
  void Prepare();
  // None, or some of which the last one's reply is for Prepared().
  std::vector<RedisCommand> Preparation(Item* item);
  void Prepared(Item* item, RedisReply reply);
  // Runs the commits themselves.
  Outcome CommitAll();
  std::vector<std::string> CommitKeys(const Item& item) const;
  RedisCommand CommitCommand(const Item& item) const;
  absl::Status Committed(Item* item, const RedisReply& reply);
  absl::Status Refused(const Item& item, const RedisReply& reply) const;
  void ReleaseClaims();

  RedisConnection* const connection_;
  const RedisKeys* const keys_;
  RedisSessions* const sessions_;
  const RedisWait wait_;
  std::vector<Item> items_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_BATCH_H_
