#include "server/store/make_store.h"

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/error_info.h"
#include "server/store/in_process_store.h"
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

}  // namespace

absl::StatusOr<std::unique_ptr<MemoryStore>> MakeStore(
    absl::string_view address, const StoreOptions& options) {
  if (address == "memory:") return std::make_unique<InProcessStore>();
  absl::string_view path = address;
  if (absl::ConsumePrefix(&path, "rocksdb:") && !path.empty()) {
    return OpenRocksDb(std::string(path), options);
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--store is '", address, "', expected memory: or rocksdb:PATH"));
}

}  // namespace mneme
