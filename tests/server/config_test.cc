#include "server/config.h"

#include <cstdlib>
#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

absl::StatusOr<CommandLine> Parse(std::vector<std::string> arguments) {
  return ParseCommandLine(arguments);
}

// An environment variable for the length of a scope.
class ScopedEnv {
 public:
  ScopedEnv(const char* name, const char* value) : name_(name) {
    setenv(name, value, 1);  // NOLINT: one thread here
  }
  ~ScopedEnv() { unsetenv(name_); }  // NOLINT

 private:
  const char* const name_;
};

TEST(ConfigTest, HasTheDocumentedDefaults) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse({"--model", "m"}));
  const Config& config = line.config;
  EXPECT_THAT(config.models, ElementsAre("m"));
  EXPECT_EQ(config.listen, "127.0.0.1:7450");
  EXPECT_EQ(config.metrics, "127.0.0.1:7451");
  EXPECT_EQ(config.store, "rocksdb:./mneme-data");
  EXPECT_EQ(config.device, "cpu");
  EXPECT_EQ(config.durability, Durability::kSync);
  EXPECT_EQ(config.async_window, absl::Milliseconds(100));
  EXPECT_EQ(config.drain_timeout, absl::Seconds(20));
  EXPECT_EQ(config.max_reply_bytes, int64_t{256} << 20);
  EXPECT_EQ(config.queue_bytes, int64_t{2} << 30);
  EXPECT_EQ(config.prefix_index, 65'536);
  EXPECT_FALSE(config.trust_tenant_header);
  EXPECT_EQ(config.queue_tenant_percent, 50);
  EXPECT_THAT(config.tenant_weights, IsEmpty());
  EXPECT_THAT(line.print, IsEmpty());
}

TEST(ConfigTest, TakesEveryFlag) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse({"--model",
                                                      "a",
                                                      "--model",
                                                      "b",
                                                      "--listen",
                                                      "[::1]:1",
                                                      "--metrics",
                                                      "localhost:2",
                                                      "--store",
                                                      "memory:",
                                                      "--device",
                                                      "cuda:3",
                                                      "--precision",
                                                      "bfloat16",
                                                      "--cpu-threads",
                                                      "4",
                                                      "--max-batch",
                                                      "5",
                                                      "--durability",
                                                      "memory",
                                                      "--async-window",
                                                      "250ms",
                                                      "--retain",
                                                      "6",
                                                      "--retain-messages",
                                                      "14",
                                                      "--kept-reply-bytes",
                                                      "7",
                                                      "--device-memory-bytes",
                                                      "8",
                                                      "--host-memory-bytes",
                                                      "0",
                                                      "--prefix-index",
                                                      "0",
                                                      "--max-sessions",
                                                      "9",
                                                      "--queue-per-session",
                                                      "10",
                                                      "--queue-total",
                                                      "11",
                                                      "--queue-tenant-percent",
                                                      "17",
                                                      "--tenant-weight",
                                                      "gold=4",
                                                      "--tenant-weight",
                                                      "trial=0.25",
                                                      "--stream-window",
                                                      "12",
                                                      "--max-request-bytes",
                                                      "1300",
                                                      "--max-reply-bytes",
                                                      "1400",
                                                      "--queue-bytes",
                                                      "1500",
                                                      "--max-connection-calls",
                                                      "16",
                                                      "--trust-tenant-header",
                                                      "--drain-timeout",
                                                      "1m30s",
                                                      "--log-level",
                                                      "error"}));
  const Config& config = line.config;
  EXPECT_THAT(config.models, ElementsAre("a", "b"));
  EXPECT_EQ(config.listen, "[::1]:1");
  EXPECT_EQ(config.metrics, "localhost:2");
  EXPECT_EQ(config.store, "memory:");
  EXPECT_EQ(config.device, "cuda:3");
  EXPECT_EQ(config.precision, "bfloat16");
  EXPECT_EQ(config.cpu_threads, 4);
  EXPECT_EQ(config.max_batch, 5);
  EXPECT_EQ(config.durability, Durability::kMemory);
  EXPECT_EQ(config.async_window, absl::Milliseconds(250));
  EXPECT_EQ(config.retain, 6);
  EXPECT_EQ(config.retain_messages, 14);
  EXPECT_EQ(config.kept_reply_bytes, 7);
  EXPECT_EQ(config.device_memory_bytes, 8);
  EXPECT_EQ(config.host_memory_bytes, 0);
  EXPECT_EQ(config.prefix_index, 0);
  EXPECT_EQ(config.max_sessions, 9);
  EXPECT_EQ(config.queue_per_session, 10);
  EXPECT_EQ(config.queue_total, 11);
  EXPECT_EQ(config.queue_tenant_percent, 17);
  EXPECT_THAT(config.tenant_weights,
              UnorderedElementsAre(Pair("gold", 4), Pair("trial", 0.25)));
  EXPECT_EQ(config.stream_window, 12);
  EXPECT_EQ(config.max_request_bytes, 1300);
  EXPECT_EQ(config.max_reply_bytes, 1400);
  EXPECT_EQ(config.queue_bytes, 1500);
  EXPECT_EQ(config.max_connection_calls, 16);
  EXPECT_TRUE(config.trust_tenant_header);
  EXPECT_EQ(config.drain_timeout, absl::Seconds(90));
  EXPECT_EQ(config.log_level, "error");
}

TEST(ConfigTest, TheEnvironmentStandsInForFlags) {
  const ScopedEnv model("MNEME_MODEL", "a,b");
  const ScopedEnv listen("MNEME_LISTEN", "0.0.0.0:99");
  const ScopedEnv drain("MNEME_DRAIN_TIMEOUT", "3s");
  const ScopedEnv durability("MNEME_DURABILITY", "async");
  const ScopedEnv window("MNEME_ASYNC_WINDOW", "1s");
  const ScopedEnv trust("MNEME_TRUST_TENANT_HEADER", "true");
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse({}));
  EXPECT_THAT(line.config.models, ElementsAre("a", "b"));
  EXPECT_EQ(line.config.listen, "0.0.0.0:99");
  EXPECT_EQ(line.config.drain_timeout, absl::Seconds(3));
  EXPECT_EQ(line.config.durability, Durability::kAsync);
  EXPECT_EQ(line.config.async_window, absl::Seconds(1));
  EXPECT_TRUE(line.config.trust_tenant_header);
}

TEST(ConfigTest, TenantWeightsComeFromTheEnvironmentToo) {
  const ScopedEnv weights("MNEME_TENANT_WEIGHT", "a=2,b=0.5");
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse({"--model", "m"}));
  EXPECT_THAT(line.config.tenant_weights,
              UnorderedElementsAre(Pair("a", 2), Pair("b", 0.5)));
}

TEST(ConfigTest, AnEmptyVariableTurnsTheMetricsOff) {
  const ScopedEnv metrics("MNEME_METRICS", "");
  ASSERT_OK_AND_ASSIGN(CommandLine line, Parse({"--model", "a"}));
  EXPECT_EQ(line.config.metrics, "");
  ASSERT_OK_AND_ASSIGN(line,
                       Parse({"--model", "a", "--metrics", "127.0.0.1:5"}));
  EXPECT_EQ(line.config.metrics, "127.0.0.1:5");
}

TEST(ConfigTest, AFlagBeatsTheEnvironment) {
  const ScopedEnv model("MNEME_MODEL", "a");
  const ScopedEnv retain("MNEME_RETAIN", "3");
  ASSERT_OK_AND_ASSIGN(const CommandLine line,
                       Parse({"--model", "b", "--retain", "4"}));
  EXPECT_THAT(line.config.models, ElementsAre("b"));
  EXPECT_EQ(line.config.retain, 4);
}

TEST(ConfigTest, ABadEnvironmentVariableNamesTheFlag) {
  const ScopedEnv retain("MNEME_RETAIN", "none");
  EXPECT_THAT(
      Parse({"--model", "b"}),
      StatusIs(kInvalid, AllOf(HasSubstr("--retain"), HasSubstr("none"))));
}

TEST(ConfigTest, AModelIsRequired) {
  EXPECT_THAT(Parse({}), StatusIs(kInvalid, AllOf(HasSubstr("--model"),
                                                  HasSubstr("MNEME_MODEL"))));
}

struct BadFlag {
  std::string flag;
  std::string value;
  std::string expected;
};

class BadFlagTest : public ::testing::TestWithParam<BadFlag> {};

TEST_P(BadFlagTest, IsNamedWithItsValueAndWhatWasExpected) {
  const BadFlag& bad = GetParam();
  EXPECT_THAT(
      Parse({"--model", "m", bad.flag, bad.value}),
      StatusIs(kInvalid, AllOf(HasSubstr(bad.flag), HasSubstr(bad.value),
                               HasSubstr(bad.expected))));
}

INSTANTIATE_TEST_SUITE_P(
    , BadFlagTest,
    ::testing::Values(
        BadFlag{"--listen", "nowhere", "HOST:PORT"},
        BadFlag{"--listen", ":80", "HOST:PORT"},
        BadFlag{"--listen", "host:65536", "65535"},
        BadFlag{"--metrics", "host:-1", "HOST:PORT"},
        BadFlag{"--store", "rocksdb:", "expected rocksdb:PATH, redis:"},
        BadFlag{"--store", "redis://x:port", "1 to 65535"},
        BadFlag{"--device", "tpu", "cpu, cuda or cuda:N"},
        BadFlag{"--device", "cuda:x", "cpu, cuda or cuda:N"},
        BadFlag{"--precision", "int8", "float32"},
        BadFlag{"--cpu-threads", "-1", "0 to 1024"},
        BadFlag{"--retain", "0", "1 to"}, BadFlag{"--retain", "abc", "1 to"},
        BadFlag{"--stream-window", "0", "1 to 1024"},
        BadFlag{"--prefix-index", "-1", "0 to"},
        BadFlag{"--max-request-bytes", "3000000000", "2147483647"},
        BadFlag{"--durability", "maybe", "memory,async,sync"},
        BadFlag{"--async-window", "100", "100ms"},
        BadFlag{"--async-window", "-1s", "duration"},
        BadFlag{"--drain-timeout", "20", "20s"},
        BadFlag{"--drain-timeout", "-5s", "duration"},
        BadFlag{"--drain-timeout", "inf", "duration"},
        BadFlag{"--queue-tenant-percent", "0", "1 to 100"},
        BadFlag{"--tenant-weight", "gold", "NAME=WEIGHT"},
        BadFlag{"--tenant-weight", "=3", "NAME=WEIGHT"},
        BadFlag{"--tenant-weight", "gold=", "NAME=WEIGHT"},
        BadFlag{"--tenant-weight", "gold=0", "0.001 to 1000"},
        BadFlag{"--tenant-weight", "gold=nan", "0.001 to 1000"},
        BadFlag{"--tenant-weight", "gold=1e9", "0.001 to 1000"},
        BadFlag{"--log-level", "chatty", "info"}));

TEST(ConfigTest, AnUnknownFlagIsNamed) {
  EXPECT_THAT(Parse({"--model", "m", "--frobnicate"}),
              StatusIs(kInvalid, HasSubstr("--frobnicate")));
}

TEST(ConfigTest, HelpPrintsEveryFlagWithDefaultAndVariable) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse({"--help"}));
  for (const char* text : {"--model",
                           "--listen",
                           "127.0.0.1:7450",
                           "--metrics",
                           "127.0.0.1:7451",
                           "--store",
                           "rocksdb:./mneme-data",
                           "--device",
                           "--precision",
                           "--cpu-threads",
                           "--drain-timeout",
                           "20s",
                           "--retain",
                           "--retain-messages",
                           "--kept-reply-bytes",
                           "65536",
                           "--prefix-index",
                           "MNEME_PREFIX_INDEX",
                           "--queue-per-session",
                           "--queue-total",
                           "16384",
                           "--max-batch",
                           "256",
                           "--max-sessions",
                           "--durability",
                           "--async-window",
                           "100ms",
                           "--stream-window",
                           "--max-request-bytes",
                           "16777216",
                           "--trust-tenant-header",
                           "--queue-tenant-percent",
                           "--tenant-weight",
                           "MNEME_TENANT_WEIGHT",
                           "--log-level",
                           "MNEME_MODEL",
                           "MNEME_DRAIN_TIMEOUT",
                           "MNEME_KEPT_REPLY_BYTES"}) {
    EXPECT_THAT(line.print, HasSubstr(text));
  }
}

TEST(ConfigTest, TheExportKeyComesFromAFile) {
  const TempFolder folder;
  const auto write = [&](const std::string& key) {
    std::ofstream(folder.path() + "/key") << key;
    return Parse({"--model", "m", "--export-key-file", folder.path() + "/key"});
  };
  EXPECT_THAT(write("0123456789abcdef\n"), IsOk());
  EXPECT_EQ(write("0123456789abcdef\n")->config.export_key, "0123456789abcdef");
  EXPECT_THAT(write("short"),
              StatusIs(kInvalid, HasSubstr("expected at least 16")));
  EXPECT_THAT(Parse({"--model", "m", "--export-key-file", "/none"}),
              StatusIs(kInvalid, HasSubstr("'/none'")));
}

TEST(ConfigTest, VersionPrintsTheVersion) {
  ASSERT_OK_AND_ASSIGN(const CommandLine line, Parse({"--version"}));
  EXPECT_EQ(line.print, "mnemed " + std::string(Version()) + "\n");
  EXPECT_EQ(Version(), "0.1.0");
}

}  // namespace
}  // namespace mneme
