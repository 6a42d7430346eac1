// What sessions cost: commits by durability, forks, restores, and bytes on disk
// and in memory. `make bench` runs it. The model computes next to nothing, so
// what is measured is the session layer, the scheduler and the store.

#include <malloc.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/session/session_manager.h"
#include "server/session/session_record.h"
#include "server/store/entry_format.h"
#include "server/store/make_store.h"
#include "tests/server/store/redis_server.h"
#include "tests/testing/fake_model.h"
#include "tests/testing/pending.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

constexpr int32_t kSegment = 4;
constexpr int64_t kPlenty = int64_t{1} << 40;

class NoObserver : public BatchObserver, public SessionObserver {
 public:
  void OnBatch(const ModelSpec&, int64_t, int64_t, absl::Duration) override {}
  void OnSegment(absl::string_view, const AppliedSegment&) override {}
  void OnRequest(const absl::Status&, absl::Duration) override {}
};

// On the heap, by the allocator's own count.
int64_t AllocatedBytes() { return static_cast<int64_t>(mallinfo2().uordblks); }

// The layers between the RPCs and the disk.
class Stack {
 public:
  Stack(const std::string& store, const MemoryTiers::Limits& tiers,
        Durability durability)
      : durability_(durability),
        store_(MakeStore(store).value()),
        tiers_(tiers),
        scheduler_(Scheduler::Options(), Clock::Real(), &observer_),
        writer_(store_.get()),
        manager_(std::in_place, Context(),
                 std::map<std::string, SequenceModel*>{
                     {model_.spec().name, &model_}}) {}

  void Recover() { manager_->Recover(store_.get()).value(); }
  // Lets go of all sessions; gives what they took on the heap, which what the
  // store caches of its files does not count for.
  int64_t DropSessions() {
    const int64_t before = AllocatedBytes();
    manager_.reset();
    return before - AllocatedBytes();
  }
  MemoryTiers& tiers() { return tiers_; }
  StoreWriterStats store_stats() const { return writer_.stats(); }
  int64_t memory_bytes() const { return model_.spec().memory_bytes(); }

  void Open(const std::string& id) {
    SessionManager::OpenRequest request;
    request.durability = durability_;
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Open({"bench", id}, request, info.Setter());
    info.Get().value();
  }
  void Apply(const std::string& id, SegmentDone done) {
    SegmentRequest request;
    request.tokens.assign(kSegment, 7);
    manager_->Process({"bench", id}, std::make_shared<Cursor>(),
                      std::move(request), std::move(done));
  }
  void Fork(const std::string& id, const std::string& fork) {
    Pending<absl::StatusOr<SessionInfo>> info;
    manager_->Fork({"bench", id}, std::make_shared<Cursor>(), std::nullopt,
                   fork, info.Setter());
    info.Get().value();
  }
  // Each session applies `segments`, one after another, all at once. The time
  // from each message to its answer.
  std::vector<absl::Duration> ApplyAll(int sessions, int segments) {
    struct Loop {
      Stack* stack;
      std::string id;
      int left;
      absl::Duration sent;
      std::vector<absl::Duration> times;
      Pending<bool> done;
      void Next() {
        if (left-- == 0) return done.Setter()(true);
        sent = Clock::Real()->Monotonic();
        stack->Apply(id, [this](const absl::StatusOr<SegmentReply>& reply) {
          reply.value();
          times.push_back(Clock::Real()->Monotonic() - sent);
          Next();
        });
      }
    };
    std::vector<std::unique_ptr<Loop>> loops;
    for (int i = 0; i < sessions; ++i) {
      loops.push_back(std::make_unique<Loop>());
      loops.back()->stack = this;
      loops.back()->id = absl::StrCat("s", i);
      loops.back()->left = segments;
    }
    for (const auto& loop : loops) loop->Next();
    std::vector<absl::Duration> times;
    for (const auto& loop : loops) {
      loop->done.Get();
      times.insert(times.end(), loop->times.begin(), loop->times.end());
    }
    return times;
  }

 private:
  SessionContext Context() {
    SessionContext context;
    context.clock = Clock::Real();
    context.scheduler = &scheduler_;
    context.writer = &writer_;
    context.observer = &observer_;
    context.tiers = &tiers_;
    return context;
  }

  const Durability durability_;
  FakeModel model_{kSegment};
  NoObserver observer_;
  const std::unique_ptr<MemoryStore> store_;
  MemoryTiers tiers_;
  Scheduler scheduler_;
  StoreWriter writer_;
  std::optional<SessionManager> manager_;
};

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

int64_t CompactedBytes(const std::string& path) {
  {
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    rocksdb::ColumnFamilyOptions plain;
    plain.compression = rocksdb::kNoCompression;
    rocksdb::DB::Open({}, path, {{"default", plain}, {"objects", plain}},
                      &handles, &raw);
    const std::unique_ptr<rocksdb::DB> db(raw);
    for (auto* handle : handles) {
      db->Flush({}, handle);
      db->CompactRange({}, handle, nullptr, nullptr);
      db->DestroyColumnFamilyHandle(handle);
    }
  }
  int64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    const std::string kind = file.path().extension();
    if (kind == ".sst" || kind == ".blob") {
      bytes += static_cast<int64_t>(file.file_size());
    }
  }
  return bytes;
}

void ApplyTo(Stack* stack, int first, int end, int segments) {
  const auto id = [](int i) { return absl::StrCat("s", 1'000'000 + i); };
  for (int i = first; i < end; ++i) stack->Open(id(i));
  for (int segment = 0; segment < segments; ++segment) {
    for (int i = first; i < end; ++i) {
      Pending<absl::StatusOr<SegmentReply>> reply;
      stack->Apply(id(i), reply.Setter());
      if (i % 64 == 63 || i + 1 == end) reply.Get().value();
    }
  }
}

// What the replies take that a record says are kept: their bytes, and the keys
// and frames around them.
int64_t ReplyBytes(const StoredRecord& record) {
  int64_t bytes = static_cast<int64_t>(KeptBytes(*FromStored(record)));
  for (uint64_t step = record.replies.first; step < record.replies.end;
       ++step) {
    bytes +=
        static_cast<int64_t>(EntryKey(ReplyKey{record.session, step}).size() +
                             FrameHeader("", "").size());
  }
  return bytes;
}

void MeasureBytes() {
  constexpr int kSessions = 20'000;
  constexpr int kSegments = 12;
  const TempFolder folder;
  const std::string address = "rocksdb:" + folder.path() + "/store";
  int64_t value = 0;
  int64_t used = 0;
  {
    Stack stack(address, {0, 0}, Durability::kAsync);
    value = stack.memory_bytes();
    ApplyTo(&stack, 0, kSessions, kSegments);
    used = stack.DropSessions();
  }
  int64_t values = 0;
  int64_t replies = 0;
  const MemoryStore::Records stored =
      MakeStore(address).value()->LoadRecords().value();
  for (const StoredRecord& record : stored.records) {
    values += static_cast<int64_t>(record.values.size()) * value;
    replies += ReplyBytes(record);
  }
  const int64_t disk = CompactedBytes(folder.path() + "/store");
  // A server that has just started: nothing but its sessions.
  Stack stack(address, {0, 0}, Durability::kAsync);
  stack.Recover();
  const int64_t started = stack.DropSessions();
  const auto each = [&](int64_t bytes) {
    return static_cast<double>(bytes) / kSessions;
  };
  std::printf(
      "  on disk           %7.0f   of which values %.0f, kept replies %.0f"
      ", overhead %.0f\n",
      each(disk), each(values), each(replies), each(disk - values - replies));
  std::printf(
      "  in the process    %7.0f   after a start, no memory at hand\n"
      "                    %7.0f   once used, still no memory at hand\n"
      "                    %7zu   of these the Session itself\n"
      "                    %7.0f   of these what names its values\n",
      each(started), each(used), sizeof(Session),
      each(values / value) * sizeof(RetainedValue));
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
  std::printf("bytes a session, 11 values of 8 bytes each\n");
  MeasureBytes();
}

}  // namespace
}  // namespace mneme

// With the argument "bytes": only the bytes a session.
int main(int argc, char** argv) {
  mneme::Run(argc == 2 && std::string(argv[1]) == "bytes");
}
