// What sessions cost: commits by durability, forks, restores, and bytes on disk
// and in memory. `make bench` runs it. The model computes next to nothing, so
// what is measured is the session layer, the scheduler and the store.

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/session_bytes.h"
#include "tests/bench/session_stack.h"
#include "tests/server/store/redis_server.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

constexpr int64_t kPlenty = int64_t{1} << 40;

double Seconds(absl::Duration duration) {
  return absl::ToDoubleSeconds(duration);
}

double MeasureCommits(const char* name, const std::string& store,
                      Durability durability, int segments, double base) {
  constexpr int kSessions = 64;
  Stack stack(store, {kPlenty, 0}, durability);
  for (int i = 0; i < kSessions; ++i) stack.Open(absl::StrCat("s", i));
  const absl::Duration start = Clock::Real()->Monotonic();
  std::vector<absl::Duration> times = stack.ApplyAll(kSessions, segments);
  const double rate = static_cast<double>(times.size()) /
                      Seconds(Clock::Real()->Monotonic() - start);
  std::sort(times.begin(), times.end());
  const auto micros = [&](double share) {
    const auto at =
        static_cast<size_t>(share * static_cast<double>(times.size() - 1));
    return 1e6 * Seconds(times[at]);
  };
  std::printf("  %-16s %9.0f   %6.2f   %8.0f %8.0f\n", name, rate,
              base > 0 ? rate / base : 1.0, micros(0.5), micros(0.99));
  return rate;
}

void MeasureForks(const char* name, const std::string& store,
                  Durability durability) {
  constexpr int kForks = 500;
  Stack stack(store, {kPlenty, 0}, durability);
  stack.Open("s0");
  stack.ApplyAll(1, 16);
  const absl::Duration start = Clock::Real()->Monotonic();
  for (int i = 0; i < kForks; ++i) stack.Fork("s0", absl::StrCat("f", i));
  const absl::Duration forks = Clock::Real()->Monotonic() - start;
  const absl::Duration steps_start = Clock::Real()->Monotonic();
  stack.ApplyAll(1, kForks);
  const absl::Duration steps = Clock::Real()->Monotonic() - steps_start;
  std::printf("  %-16s %9.0f   %6.2f\n", name, kForks / Seconds(forks),
              Seconds(steps) / Seconds(forks));
}

void MeasureRestores(const char* name, const MemoryTiers::Limits& limits,
                     const std::string& store, Durability durability,
                     double* live) {
  constexpr int kSessions = 1000;
  constexpr int kRounds = 10;
  Stack stack(store, limits, durability);
  for (int i = 0; i < kSessions; ++i) stack.Open(absl::StrCat("s", i));
  stack.ApplyAll(kSessions, 1);
  const StoreWriterStats before = stack.store_stats();
  const absl::Duration start = Clock::Real()->Monotonic();
  for (int round = 0; round < kRounds; ++round) stack.ApplyAll(kSessions, 1);
  const double rate =
      kSessions * kRounds / Seconds(Clock::Real()->Monotonic() - start);
  if (*live == 0) *live = rate;
  const MemoryTiers::Stats stats = stack.tiers().stats();
  const StoreWriterStats after = stack.store_stats();
  const auto reads = static_cast<double>(after.reads - before.reads);
  const auto groups =
      static_cast<double>(after.read_groups - before.read_groups);
  std::printf(
      "  %-16s %9.0f   %6.2f   %8lld %8lld %8lld   %8.1f %8.1f\n", name, rate,
      rate / *live, static_cast<long long>(stats.used_from_device),
      static_cast<long long>(stats.restored_from_host),
      static_cast<long long>(stats.restored_from_store),
      reads / std::max(groups, 1.0),
      1e6 * Seconds(after.read_time - before.read_time) / std::max(reads, 1.0));
}

// A Redis that keeps what it acknowledges.
class BenchRedis {
 public:
  // Its address, when nothing is in it.
  std::string Empty() {
    server_.Run({"FLUSHALL"});
    return absl::StrCat("redis+unix:", server_.address().unix_socket);
  }

 private:
  RedisServer server_;
};

void Run(bool bytes_only) {
  if (bytes_only) return MeasureBytes();
  const TempFolder folder;
  BenchRedis redis;
  const auto store = [&](const char* name) {
    return absl::StrCat("rocksdb:", folder.path(), "/", name);
  };
  std::printf(
      "commits, 64 sessions each waiting for its answer\n"
      "  durability        a second    ratio     p50 us   p99 us\n");
  const double base =
      MeasureCommits("memory", "memory:", Durability::kMemory, 2000, 0);
  MeasureCommits("async", store("async"), Durability::kAsync, 1000, base);
  MeasureCommits("sync", store("sync"), Durability::kSync, 200, base);
  MeasureCommits("redis async", redis.Empty(), Durability::kAsync, 400, base);
  MeasureCommits("redis sync", redis.Empty(), Durability::kSync, 400, base);
  std::printf("forks, one after another; ratio to steps of one session\n");
  MeasureForks("memory", "memory:", Durability::kMemory);
  MeasureForks("async", store("fork_async"), Durability::kAsync);
  MeasureForks("sync", store("fork_sync"), Durability::kSync);
  MeasureForks("redis sync", redis.Empty(), Durability::kSync);
  std::printf(
      "steps of 1000 sessions by where their memory was\n"
      "  tier              a second    ratio     device     host    store   "
      "  a read  us each\n");
  double live = 0;
  const auto memory = Durability::kMemory;
  MeasureRestores("device", {kPlenty, 0}, "memory:", memory, &live);
  MeasureRestores("host", {0, kPlenty}, "memory:", memory, &live);
  MeasureRestores("store", {0, 0}, "memory:", memory, &live);
  MeasureRestores("rocksdb async", {0, 0}, store("restore"), Durability::kAsync,
                  &live);
  MeasureRestores("redis async", {0, 0}, redis.Empty(), Durability::kAsync,
                  &live);
  MeasureBytes();
}

}  // namespace
}  // namespace mneme

// With the argument "bytes": only the bytes a session.
int main(int argc, char** argv) {
  mneme::Run(argc == 2 && std::string(argv[1]) == "bytes");
}
