#ifndef MNEME_SERVER_STORE_REDIS_INSPECT_H_
#define MNEME_SERVER_STORE_REDIS_INSPECT_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/memory_store.h"
#include "server/store/redis_connection.h"
#include "server/store/redis_keys.h"

namespace mneme {

// Whether this Redis keeps what it acknowledges: FAILED_PRECONDITION says which
// setting is wrong and what it must be, or that CONFIG GET is not allowed.
// UNAVAILABLE: there is no Redis. Blocks; uses the connection.
absl::Status CheckKeepsWrites(RedisConnection* connection);

// All records and tombstones, in key order, with SCAN and a few round trips for
// some hundred sessions. Sessions that change meanwhile are as they were or as
// they will be. DATA_LOSS: a key is not ours. Blocks; uses the connection.
absl::StatusOr<MemoryStore::Records> LoadRedisRecords(
    RedisConnection* connection, const RedisKeys& keys);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_INSPECT_H_
