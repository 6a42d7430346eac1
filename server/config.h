#ifndef MNEME_SERVER_CONFIG_H_
#define MNEME_SERVER_CONFIG_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/store/memory_store.h"

namespace mneme {

// The version of the build, e.g. "0.1.0".
absl::string_view Version();

// Everything a server can be told. Each field is a flag of `mnemed`, whose help
// text (config.cc) says what it does, and an environment variable MNEME_FLAG.
struct Config {
  std::vector<std::string> models;  // folders; at least one
  std::string listen = "127.0.0.1:7450";
  std::string metrics = "127.0.0.1:7451";  // "": not served
  std::string store = "rocksdb:./mneme-data";

  std::string device = "cpu";
  std::string precision;  // "": the device's own
  int cpu_threads = 0;    // 0: one a core
  int64_t max_batch = 256;

  Durability durability = Durability::kSync;
  absl::Duration async_window = absl::Milliseconds(100);
  int64_t retain = 8;
  int64_t retain_messages = 8;
  int64_t kept_reply_bytes = 64 << 10;
  absl::Duration idle_ttl;  // 0: never
  absl::Duration max_age;   // 0: never
  absl::Duration tombstone_ttl = absl::Hours(24);
  int64_t device_memory_bytes = int64_t{2} << 30;
  int64_t host_memory_bytes = int64_t{4} << 30;
  int64_t prefix_index = 65'536;

  int64_t redis_replicas = 0;
  bool redis_proxy = false;
  absl::Duration redis_lease = absl::Seconds(1);
  absl::Duration takeover_wait = absl::Seconds(5);

  int64_t max_sessions = 1'000'000;
  absl::Duration evict_unused;  // 0: never
  int64_t queue_per_session = 16;
  int64_t queue_total = 16384;
  int64_t queue_tenant_percent = 50;  // of queue_total, where there are others
  std::map<std::string, double> tenant_weights;  // 1 for those not named
  int64_t stream_window = 4;
  int64_t max_request_bytes = int64_t{16} << 20;
  int64_t max_reply_bytes = int64_t{256} << 20;
  int64_t queue_bytes = int64_t{2} << 30;
  int64_t max_connection_calls = 10'000;
  bool trust_tenant_header = false;
  // What exported sessions are signed with; from --export-key-file.
  std::string export_key;

  absl::Duration drain_timeout = absl::Seconds(20);
  std::string log_level = "info";
};

// What a command line comes to: a Config, or a text to print (--help,
// --version) before the program ends.
struct CommandLine {
  Config config;
  std::string print;
};

// Reads flags (`arguments` without the program's name) and, for those not
// given, the environment. INVALID_ARGUMENT names the flag, its value and what
// was expected.
absl::StatusOr<CommandLine> ParseCommandLine(
    absl::Span<const std::string> arguments);

}  // namespace mneme

#endif  // MNEME_SERVER_CONFIG_H_
