#include "tests/bench/session_bytes.h"

#include <malloc.h>
#include <rocksdb/db.h>

#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_format.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/session/session_record.h"
#include "server/store/entry_format.h"
#include "server/store/rocksdb_settings.h"
#include "tests/bench/session_stack.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

void Wait(absl::Duration time) {
  Mutex mu;
  std::condition_variable nobody;
  const absl::Duration end = Clock::Real()->Monotonic() + time;
  MutexLock lock(&mu);
  while (Clock::Real()->Monotonic() < end) {
    Clock::Real()->WaitUntil(lock, nobody, end);
  }
}

// On the heap, by the allocator's own count.
int64_t AllocatedBytes() { return static_cast<int64_t>(mallinfo2().uordblks); }

// The same once nothing changes any more: the store has flushed and compacted.
int64_t QuietBytes() {
  constexpr int kLooks = 15;
  constexpr int64_t kNoise = 16 << 10;
  int64_t bytes = AllocatedBytes();
  for (int same = 0; same < kLooks; ++same) {
    Wait(absl::Milliseconds(100));
    const int64_t now = AllocatedBytes();
    if (std::abs(now - bytes) > kNoise) same = 0;
    bytes = now;
  }
  return bytes;
}

// What all sessions of the stack take on the heap, which what the store caches
// of its files does not count for.
int64_t DroppedBytes(Stack* stack) {
  const int64_t before = QuietBytes();
  stack->DropSessions();
  return before - QuietBytes();
}

int64_t FileBytes(const std::string& path) {
  int64_t bytes = 0;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    const std::string kind = file.path().extension();
    if (kind == ".sst" || kind == ".blob") {
      bytes += static_cast<int64_t>(file.file_size());
    }
  }
  return bytes;
}

// The files of a store once all in them is compacted, without the replies that
// `removed` keep.
int64_t CompactedBytes(const std::string& path,
                       const std::vector<StoredRecord>& removed) {
  {
    constexpr int64_t kWriteBuffer = 64 << 20;
    std::vector<rocksdb::ColumnFamilyHandle*> handles;
    rocksdb::DB* raw = nullptr;
    rocksdb::DB::Open({}, path,
                      {{"default", RecordFamilySettings(kWriteBuffer)},
                       {"objects", ObjectFamilySettings(kWriteBuffer)}},
                      &handles, &raw);
    const std::unique_ptr<rocksdb::DB> db(raw);
    rocksdb::CompactRangeOptions all;
    all.bottommost_level_compaction =
        rocksdb::BottommostLevelCompaction::kForceOptimized;
    for (auto* handle : handles) {
      for (const StoredRecord& record : removed) {
        const std::string replies = RepliesPrefix(record.session);
        db->DeleteRange({}, handle, replies, PrefixEnd(replies));
      }
      db->Flush({}, handle);
      db->CompactRange(all, handle, nullptr, nullptr);
      db->DestroyColumnFamilyHandle(handle);
    }
  }
  return FileBytes(path);
}

// As the client library draws one: 32 hex characters.
std::string LongId(int i) {
  const auto mixed = [](uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
  };
  const uint64_t n = 2 * static_cast<uint64_t>(i) + 1;
  return absl::StrFormat("%016x%016x", mixed(n), mixed(n + 1));
}

void ApplyTo(Stack* stack, int sessions, int segments,
             std::optional<absl::Duration> idle_ttl) {
  for (int i = 0; i < sessions; ++i) stack->Open(LongId(i), idle_ttl);
  for (int segment = 0; segment < segments; ++segment) {
    for (int i = 0; i < sessions; ++i) {
      Pending<absl::StatusOr<SegmentReply>> reply;
      stack->Apply(LongId(i), reply.Setter());
      if (i % 64 == 63 || i + 1 == sessions) reply.Get().value();
    }
  }
}

struct Taken {
  int64_t disk = 0;
  int64_t replies = 0;  // of that
  int64_t values = 0;   // that records name
  int64_t started = 0;
  int64_t used = 0;
};

Taken Take(int sessions, std::optional<absl::Duration> idle_ttl) {
  constexpr int kSegments = 12;
  const TempFolder folder;
  const std::string address = "rocksdb:" + folder.path() + "/store";
  Taken taken;
  {
    Stack stack(address, {0, 0}, Durability::kAsync);
    ApplyTo(&stack, sessions, kSegments, idle_ttl);
    Wait(SessionLimits().let_go_after + absl::Seconds(1));
    taken.used = DroppedBytes(&stack);
  }
  {  // A server that has just started: nothing but its sessions.
    Stack stack(address, {0, 0}, Durability::kAsync);
    stack.Recover();
    taken.started = DroppedBytes(&stack);
  }
  const MemoryStore::Records stored =
      MakeStore(address).value()->LoadRecords().value();
  for (const StoredRecord& record : stored.records) {
    taken.values += static_cast<int64_t>(record.values.size());
  }
  const std::string files = folder.path() + "/store";
  taken.disk = CompactedBytes(files, {});
  taken.replies = taken.disk - CompactedBytes(files, stored.records);
  return taken;
}

}  // namespace

void MeasureBytes() {
  constexpr int kSessions = 10'000;
  const Taken plain = Take(kSessions, std::nullopt);
  const Taken ttl = Take(kSessions, absl::Hours(1));
  const auto each = [&](int64_t bytes) {
    return static_cast<double>(bytes) / kSessions;
  };
  const double value =
      static_cast<double>(FakeModel(kSegment).spec().memory_bytes());
  const auto overhead = [&](const Taken& taken) {
    return each(taken.disk - taken.replies) - value * each(taken.values);
  };
  std::printf(
      "bytes a session, ids of 32 characters, %.1f values of %.0f bytes\n"
      "                    no TTL    idle TTL\n",
      each(plain.values), value);
  const auto row = [](const char* what, double without, double with) {
    std::printf("  %-18s %6.0f  %6.0f\n", what, without, with);
  };
  row("on disk", each(plain.disk), each(ttl.disk));
  row("  kept replies", each(plain.replies), each(ttl.replies));
  row("  overhead", overhead(plain), overhead(ttl));
  row("after a start", each(plain.started), each(ttl.started));
  row("used, then idle", each(plain.used), each(ttl.used));
  row("  the Session", sizeof(Session), sizeof(Session));
  row("  names of values", each(plain.values) * sizeof(RetainedValue),
      each(ttl.values) * sizeof(RetainedValue));
}

}  // namespace mneme
