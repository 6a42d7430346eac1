#include "server/config.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/observe/logs.h"
#include "server/store/make_store.h"

namespace mneme {
namespace {

constexpr char kAbout[] =
    "mnemed: serves recurrent-memory transformers over gRPC.\n"
    "Every flag may be given as the environment variable in brackets instead.";
constexpr int64_t kMaxInt32 = 2147483647;
constexpr size_t kLeastKey = 16;
constexpr int64_t kMaxBytes = int64_t{1} << 50;
constexpr double kLeastWeight = 0.001;
constexpr double kMostWeight = 1000;

std::string EnvironmentName(absl::string_view flag) {
  return absl::StrCat(
      "MNEME_", absl::AsciiStrToUpper(absl::StrReplaceAll(flag, {{"-", "_"}})));
}

// The flag --NAME for `field`, with its environment variable and default.
template <typename T>
CLI::Option* Add(CLI::App& app, const std::string& name, T* field,
                 const std::string& help) {
  return app.add_option("--" + name, *field, help)
      ->envname(EnvironmentName(name))
      ->capture_default_str();
}

void AddCount(CLI::App& app, const std::string& name, int64_t* field,
              int64_t least, int64_t most, const std::string& help) {
  Add(app, name, field, help)->check(CLI::Range(least, most));
}

CLI::Validator OneOf(const std::vector<std::string>& names) {
  return CLI::IsMember(names);
}

CLI::Validator DurationText() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        absl::Duration duration;
        if (absl::ParseDuration(text, &duration) &&
            duration >= absl::ZeroDuration() &&
            duration < absl::InfiniteDuration()) {
          return "";
        }
        return absl::StrCat("'", text,
                            "' is no duration, expected one like 20s or 100ms");
      },
      "DURATION");
}

CLI::Validator HostAndPort(bool may_be_empty = false) {
  return CLI::Validator(
      [may_be_empty](std::string& text) -> std::string {
        if (text.empty() && may_be_empty) return "";
        const size_t colon = text.rfind(':');
        uint32_t port = 0;
        if (colon != std::string::npos && colon > 0 &&
            absl::SimpleAtoi(text.substr(colon + 1), &port) && port <= 65535) {
          return "";
        }
        return absl::StrCat("'", text,
                            "' is no address, expected HOST:PORT with a port "
                            "of 0 (any free one) to 65535");
      },
      "HOST:PORT");
}

CLI::Validator Device() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        absl::string_view rest = text;
        uint32_t index = 0;
        if (text == "cpu" || text == "cuda" ||
            (absl::ConsumePrefix(&rest, "cuda:") &&
             absl::SimpleAtoi(rest, &index))) {
          return "";
        }
        return absl::StrCat("'", text,
                            "' is no device, expected cpu, cuda or cuda:N");
      },
      "cpu|cuda|cuda:N");
}

CLI::Validator StoreAddress() {
  return CLI::Validator(
      [](std::string& text) {
        return std::string(CheckStoreAddress(text).message());
      },
      "rocksdb:PATH|redis://HOST:PORT|memory:");
}

void AddDuration(CLI::App& app, const std::string& name, absl::Duration* field,
                 const std::string& help) {
  app.add_option_function<std::string>(
         "--" + name,
         [field](const std::string& text) { absl::ParseDuration(text, field); },
         help)
      ->check(DurationText())
      ->envname(EnvironmentName(name))
      ->default_str(absl::FormatDuration(*field));
}

// What is in the file, without the line break at its end; nullopt: it cannot be
// read.
std::optional<std::string> ReadKeyFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string key{std::istreambuf_iterator<char>(file), {}};
  if (!file.is_open() || file.bad()) return std::nullopt;
  return std::string(absl::StripSuffix(key, "\n"));
}

CLI::Validator KeyFile() {
  return CLI::Validator(
      [](std::string& path) -> std::string {
        const std::optional<std::string> key = ReadKeyFile(path);
        if (!key.has_value())
          return absl::StrCat("'", path, "' is no file that can be read");
        if (key->size() >= kLeastKey) return "";
        return absl::StrCat("'", path, "' holds ", key->size(),
                            " bytes, expected at least ", kLeastKey);
      },
      "FILE");
}

// "NAME=WEIGHT"; nullopt: the text is none.
std::optional<std::pair<std::string, double>> ParseWeight(
    const std::string& text) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(text, absl::MaxSplits('=', 1));
  double weight = 0;
  if (parts.first.empty() || !absl::SimpleAtod(parts.second, &weight) ||
      !(weight >= kLeastWeight && weight <= kMostWeight)) {
    return std::nullopt;
  }
  return std::pair(parts.first, weight);
}

CLI::Validator TenantWeight() {
  return CLI::Validator(
      [](std::string& text) -> std::string {
        if (ParseWeight(text).has_value()) return "";
        return absl::StrCat("'", text, "' is no weight, expected NAME=WEIGHT ",
                            "with a weight of ", kLeastWeight, " to ",
                            kMostWeight);
      },
      "NAME=WEIGHT");
}

void AddServing(CLI::App& app, Config* config) {
  app.add_option("--model", config->models,
                 "A model folder to serve; may be repeated [MNEME_MODEL, "
                 "separated by commas]")
      ->type_name("DIR");
  Add(app, "listen", &config->listen, "Where to serve gRPC")
      ->check(HostAndPort());
  Add(app, "metrics", &config->metrics,
      "Where to serve Prometheus metrics, over HTTP at /metrics; empty: not")
      ->check(HostAndPort(/*may_be_empty=*/true));
  Add(app, "store", &config->store, "Where sessions and their memory are kept")
      ->check(StoreAddress());
  AddDuration(app, "drain-timeout", &config->drain_timeout,
              "After SIGTERM: how long what was accepted may take to finish");
  Add(app, "log-level", &config->log_level,
      "The least important kind of line to log")
      ->check(OneOf(LogLevels()));
}

void AddModelFlags(CLI::App& app, Config* config) {
  Add(app, "device", &config->device, "Where the models run")->check(Device());
  Add(app, "precision", &config->precision,
      "What they compute in; empty: float32 on cpu, bfloat16 on cuda")
      ->check(OneOf({"", "float32", "bfloat16"}));
  Add(app, "cpu-threads", &config->cpu_threads,
      "Threads of one operator on cpu; 0: one a core")
      ->check(CLI::Range(0, 1024));
  AddCount(app, "max-batch", &config->max_batch, 1, 65536,
           "Sessions in one step");
}

void AddSessionFlags(CLI::App& app, Config* config) {
  const std::map<std::string, Durability> levels = {
      {"memory", Durability::kMemory},
      {"async", Durability::kAsync},
      {"sync", Durability::kSync}};
  app.add_option_function<std::string>(
         "--durability",
         [config, levels](const std::string& name) {
           config->durability = levels.at(name);
         },
         "What an acknowledged segment survives, where Open does not say")
      ->check(OneOf({"memory", "async", "sync"}))
      ->envname("MNEME_DURABILITY")
      ->default_str("sync");
  AddDuration(app, "async-window", &config->async_window,
              "How old an acknowledged segment of an async session may get "
              "before it is on disk: what a crash of the machine can take. "
              "Less means more syncs");
  AddCount(app, "retain", &config->retain, 1, 1'000'000,
           "Memory values of a session that can still be named");
  AddCount(app, "retain-messages", &config->retain_messages, 1, 1'000'000,
           "Messages of a session that can be retried, besides");
  AddCount(app, "kept-reply-bytes", &config->kept_reply_bytes, 0, kMaxInt32,
           "Replies up to this size are kept, and a retry gets the same bytes");
  AddDuration(app, "idle-ttl", &config->idle_ttl,
              "Sessions opened without one end when they were not used for so "
              "long; 0: never");
  AddDuration(app, "max-age", &config->max_age,
              "Sessions opened without one end when they are so old; 0: never");
  AddDuration(app, "tombstone-ttl", &config->tombstone_ttl,
              "How long it is remembered that a session ended so");
  AddCount(app, "device-memory-bytes", &config->device_memory_bytes, 0,
           kMaxBytes,
           "Sessions' newest memory that stays live on the device, the least "
           "recently used first to go; at least one session's");
  AddCount(app, "host-memory-bytes", &config->host_memory_bytes, 0, kMaxBytes,
           "The same in host memory, so that it need not be read from the "
           "store; live memory counts here too");
  AddCount(app, "prefix-index", &config->prefix_index, 0, 1'000'000'000,
           "Applied segments, about 180 bytes each, that are remembered so "
           "that a session of the same tenant that streams the same tokens "
           "takes them from the session that holds them; 0: each computes");
}

void AddSharedStore(CLI::App& app, Config* config) {
  AddCount(app, "redis-replicas", &config->redis_replicas, 0, 100,
           "Replicas of a Redis that must have a segment of a sync session "
           "before it is acknowledged");
  app.add_flag("--redis-proxy", config->redis_proxy,
               "The store is Envoy's Redis proxy before a Redis Cluster "
               "(deploy/envoy); sessions there are async or memory")
      ->envname(EnvironmentName("redis-proxy"));
  AddDuration(app, "redis-lease", &config->redis_lease,
              "How long after its last segment a session is left to its server "
              "by the others: they wait as long for one whose server died");
  AddDuration(app, "takeover-wait", &config->takeover_wait,
              "How long a call waits for a session that another server has");
}

void AddLimits(CLI::App& app, Config* config) {
  AddCount(app, "max-sessions", &config->max_sessions, 1, 1'000'000'000,
           "Sessions in the server");
  AddDuration(
      app, "evict-unused", &config->evict_unused,
      "Where there are so many: a session that was not used for so long "
      "is ended to make room for a new one, of some the one unused the "
      "longest; 0: the new one is refused");
  AddCount(app, "queue-per-session", &config->queue_per_session, 1, 1'000'000,
           "Messages of one session that may wait");
  AddCount(app, "queue-total", &config->queue_total, 1, 100'000'000,
           "Messages in the server");
  AddCount(app, "queue-tenant-percent", &config->queue_tenant_percent, 1, 100,
           "What one tenant can have of these, once another one was seen");
  AddCount(app, "stream-window", &config->stream_window, 1, 1024,
           "Messages of one stream between read and reply");
  AddCount(app, "max-request-bytes", &config->max_request_bytes, 1024,
           kMaxInt32, "The largest message that is read");
  AddCount(app, "max-reply-bytes", &config->max_reply_bytes, 1024, 1 << 30,
           "The largest reply to one message; above it the message is refused");
  AddCount(app, "queue-bytes", &config->queue_bytes, 1024, int64_t{1} << 50,
           "Bytes of messages and of the replies they may get, from read to "
           "written");
  AddCount(app, "max-connection-calls", &config->max_connection_calls, 1,
           kMaxInt32, "RPCs open at once on one connection");
  app.add_option_function<std::string>(
         "--export-key-file",
         [config](const std::string& path) {
           config->export_key = ReadKeyFile(path).value_or("");
         },
         "The secret that exported sessions are signed with; an imported one "
         "is trusted, and shared with others of its tenant, only if it was "
         "signed with the same")
      ->check(KeyFile())
      ->envname(EnvironmentName("export-key-file"));
}

void AddTenants(CLI::App& app, Config* config) {
  app.add_flag("--trust-tenant-header", config->trust_tenant_header,
               "Believe the metadata mneme-tenant; only behind a proxy that "
               "sets it")
      ->envname(EnvironmentName("trust-tenant-header"));
  app.add_option_function<std::vector<std::string>>(
         "--tenant-weight",
         [config](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) {
             config->tenant_weights.insert_or_assign(ParseWeight(text)->first,
                                                     ParseWeight(text)->second);
           }
         },
         "A tenant's part of the device while tenants compete for it, beside "
         "1 for each that is not named; may be repeated, or separated by "
         "commas")
      ->check(TenantWeight())
      ->delimiter(',')
      ->allow_extra_args(false)
      ->envname(EnvironmentName("tenant-weight"));
}

// An empty variable says something only here, and CLI11 passes it over.
void TakeEmptyMetrics(const CLI::App& app, Config* config) {
  const char* address = std::getenv("MNEME_METRICS");  // NOLINT: start-up only
  if (address != nullptr && *address == '\0' && app.count("--metrics") == 0) {
    config->metrics.clear();
  }
}

absl::Status TakeModels(Config* config) {
  if (config->models.empty()) {
    const char* folders = std::getenv("MNEME_MODEL");  // NOLINT: start-up only
    if (folders != nullptr) {
      config->models = absl::StrSplit(folders, ',', absl::SkipEmpty());
    }
  }
  if (!config->models.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(
      "--model: missing, expected at least one model folder (or the "
      "environment variable MNEME_MODEL)");
}

absl::Status CheckProxy(const Config& config) {
  if (!config.redis_proxy || config.durability != Durability::kSync) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(
      "--durability: sync, expected async or memory with --redis-proxy");
}

}  // namespace

absl::string_view Version() { return MNEME_VERSION; }

absl::StatusOr<CommandLine> ParseCommandLine(
    absl::Span<const std::string> arguments) {
  CommandLine line;
  CLI::App app(kAbout, "mnemed");
  app.set_version_flag("--version", absl::StrCat("mnemed ", Version()));
  AddServing(app, &line.config);
  AddModelFlags(app, &line.config);
  AddSessionFlags(app, &line.config);
  AddSharedStore(app, &line.config);
  AddLimits(app, &line.config);
  AddTenants(app, &line.config);
  std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
  try {
    app.parse(reversed);
  } catch (const CLI::CallForHelp&) {
    line.print = app.help();
    return line;
  } catch (const CLI::CallForVersion&) {
    line.print = absl::StrCat("mnemed ", Version(), "\n");
    return line;
  } catch (const CLI::ParseError& error) {
    return absl::InvalidArgumentError(error.what());
  }
  TakeEmptyMetrics(app, &line.config);
  if (const absl::Status status = TakeModels(&line.config); !status.ok()) {
    return status;
  }
  if (const absl::Status status = CheckProxy(line.config); !status.ok()) {
    return status;
  }
  return line;
}

}  // namespace mneme
