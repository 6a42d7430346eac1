#include "server/store/make_store.h"

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"
#include "server/store/in_process_store.h"
#include "server/store/redis_address.h"
#include "server/store/redis_store.h"
#include "server/store/rocksdb_store.h"

namespace mneme {
namespace {

absl::StatusOr<std::unique_ptr<MemoryStore>> OpenRocksDb(
    const std::string& path, const StoreOptions& options) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) {
    return MakeError(absl::StatusCode::kUnavailable, "STORE_DOWN",
                     absl::StrCat("--store: cannot make the folder '", path,
                                  "': ", error.message()));
  }
  RocksDbStore::Options rocksdb_options;
  rocksdb_options.async_window = options.async_window;
  rocksdb_options.recover_to_last_good = options.recover_to_last_good;
  rocksdb_options.clock = options.clock;
  return RocksDbStore::Open(path, rocksdb_options);
}

absl::StatusOr<std::unique_ptr<MemoryStore>> OpenRedis(
    const RedisAddress& address, const StoreOptions& options) {
  RedisStore::Options redis_options;
  redis_options.address = address;
  redis_options.wait_replicas = options.redis_replicas;
  redis_options.proxy = options.redis_proxy;
  redis_options.offer_sync = !options.redis_proxy;
  redis_options.lease = options.redis_lease;
  redis_options.clock = options.clock;
  return RedisStore::Open(redis_options);
}

// The path of a RocksDB store; empty: it is none.
absl::string_view RocksDbPath(absl::string_view address) {
  return absl::ConsumePrefix(&address, "rocksdb:") ? address : "";
}

bool IsRedis(absl::string_view address) {
  return absl::StartsWith(address, "redis");
}

}  // namespace

absl::Status CheckStoreAddress(absl::string_view address) {
  if (address == "memory:" || !RocksDbPath(address).empty()) {
    return absl::OkStatus();
  }
  if (IsRedis(address)) return ParseRedisAddress(address).status();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", address,
      "' is no store, expected rocksdb:PATH, redis://HOST:PORT or memory:"));
}

absl::StatusOr<std::unique_ptr<MemoryStore>> MakeStore(
    absl::string_view address, const StoreOptions& options) {
  const absl::Status checked = CheckStoreAddress(address);
  if (!checked.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--store: ", checked.message()));
  }
  if (address == "memory:") return std::make_unique<InProcessStore>();
  if (!IsRedis(address)) {
    return OpenRocksDb(std::string(RocksDbPath(address)), options);
  }
  ASSIGN_OR_RETURN(const RedisAddress redis, ParseRedisAddress(address));
  return OpenRedis(redis, options);
}

}  // namespace mneme
