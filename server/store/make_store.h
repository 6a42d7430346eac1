#ifndef MNEME_SERVER_STORE_MAKE_STORE_H_
#define MNEME_SERVER_STORE_MAKE_STORE_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/store/memory_store.h"

namespace mneme {

struct StoreOptions {
  // What a crash of the machine can take of kAsync commits. Less means more
  // syncs.
  absl::Duration async_window = absl::Milliseconds(100);
  // Open in spite of a damaged log, with what was written before the damage.
  bool recover_to_last_good = false;
  // How many replicas of a Redis must have a kSync commit.
  int redis_replicas = 0;
  // Redis is a proxy before a Redis Cluster: no session is kSync.
  bool redis_proxy = false;
  // See RedisStore::Options::lease.
  absl::Duration redis_lease = absl::Seconds(1);
  Clock* clock = Clock::Real();  // not owned; outlives the store
};

// OK for what `--store` may be: "memory:", "rocksdb:PATH", "redis://HOST:PORT"
// and the other forms of ParseRedisAddress. Thread-safe: a pure function.
absl::Status CheckStoreAddress(absl::string_view address);

// The store of that address; the folder of a RocksDB store is made where there
// is none. INVALID_ARGUMENT for anything that is no such address; else
// what opening the store gives. Thread-safe; called by main at start-up.
absl::StatusOr<std::unique_ptr<MemoryStore>> MakeStore(
    absl::string_view address, const StoreOptions& options = {});

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_MAKE_STORE_H_
