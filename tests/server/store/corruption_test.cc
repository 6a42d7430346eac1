// Every entry that a RocksDbStore has is damaged in every byte, cut at every
// length, and exchanged for every other: what is read back is DATA_LOSS or the
// very same bytes, and a session never begins anew. And the log is damaged
// below RocksDB.

#include <rocksdb/env.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/rocksdb_store.h"
#include "tests/server/store/raw_entries.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::AnyOf;
using Entry = RawEntries::Entry;

constexpr char kFolder[] = "/store";
// Above what RocksDB keeps out of its blob files; only every so many of its
// bytes are damaged.
constexpr size_t kLargeValue = 5000;
constexpr size_t kStride = 97;

class CorruptionTest : public ::testing::Test {
 protected:
  CorruptionTest() : env_(rocksdb::NewMemEnv(rocksdb::Env::Default())) {
    options_.env = env_.get();
    Commit small = StepCommit(Session("small"), 0);
    small.values[0].bytes = Share("a small value");
    Commit large = StepCommit(Session("large"), 0);
    large.values[0].bytes = Share(std::string(kLargeValue, 'v'));
    for (const Commit* commit : {&small, &large}) {
      const SessionKey& session = commit->record.session;
      records_[session] = commit->record.bytes;
      values_[ValueAt(session, 0)] = *commit->values[0].bytes;
      replies_[ReplyAt(session, 0)] = commit->replies[0].bytes;
    }
    const auto store = RocksDbStore::Open(kFolder, options_);
    EXPECT_THAT(store, IsOk());
    EXPECT_THAT(ApplyOne(store->get(), std::move(small)), IsOk());
    EXPECT_THAT(ApplyOne(store->get(), std::move(large)), IsOk());
  }

  std::vector<Entry> Entries() { return RawEntries(env_.get(), kFolder).All(); }

  // Checks what the store makes of `damaged`, and puts `entry` back.
  void Try(const Entry& entry, const std::string& damaged,
           absl::string_view how) {
    SCOPED_TRACE(absl::StrCat("family ", entry.family, ", key ",
                              absl::CHexEscape(entry.key), ": ", how));
    RawEntries(env_.get(), kFolder).Put({entry.family, entry.key, damaged});
    ++tried_;
    noticed_ += ExpectNothingWrong();
    RawEntries(env_.get(), kFolder).Put(entry);
  }

  // Whether the damage shows.
  bool ExpectNothingWrong() {
    const auto store = RocksDbStore::Open(kFolder, options_);
    if (!store.ok()) {
      EXPECT_THAT(store, AnyOf(StatusIs(StatusCode::kDataLoss),
                               StatusIs(StatusCode::kFailedPrecondition)));
      return true;
    }
    const bool in_records = ExpectRecords(store->get());
    const bool in_objects = ExpectObjects(store->get());
    for (const auto& [session, record] : records_) {
      const absl::Status anew = ApplyOne(store->get(), StepCommit(session, 0));
      EXPECT_THAT(anew, AnyOf(StatusIs(StatusCode::kAlreadyExists),
                              StatusIs(StatusCode::kDataLoss)))
          << session.session_id << " began anew";
    }
    return in_records || in_objects;
  }

  bool ExpectRecords(RocksDbStore* store) {
    const auto loaded = store->LoadRecords();
    if (!loaded.ok()) {
      EXPECT_THAT(loaded, StatusIs(StatusCode::kDataLoss));
      return true;
    }
    EXPECT_EQ(loaded->records.size() + loaded->corrupt.size(), records_.size());
    for (const StoredRecord& stored : loaded->records) {
      EXPECT_EQ(stored.bytes, records_.at(stored.session));
      EXPECT_EQ(stored.head, HeadOf(stored.session, 0));
      EXPECT_EQ(stored.durability, Durability::kSync);
    }
    for (const SessionKey& corrupt : loaded->corrupt) {
      EXPECT_TRUE(records_.contains(corrupt)) << corrupt.session_id;
    }
    return !loaded->corrupt.empty();
  }

  bool ExpectObjects(RocksDbStore* store) {
    bool noticed = false;
    const auto expect = [&](const absl::StatusOr<std::string>& read,
                            const std::string& bytes) {
      EXPECT_THAT(read,
                  AnyOf(IsOkAndHolds(bytes), StatusIs(StatusCode::kDataLoss)));
      noticed |= !read.ok();
    };
    for (const auto& [key, bytes] : values_)
      expect(store->GetValue(key), bytes);
    for (const auto& [key, bytes] : replies_)
      expect(store->GetReply(key), bytes);
    return noticed;
  }

  // The files of the closed store, by path.
  std::map<std::string, std::string> Files() {
    std::map<std::string, std::string> files;
    std::vector<std::string> names;
    EXPECT_TRUE(env_->GetChildren(kFolder, &names).ok());
    for (const std::string& name : names) {
      if (name == "LOCK") continue;
      const std::string path = absl::StrCat(kFolder, "/", name);
      EXPECT_TRUE(ReadFileToString(env_.get(), path, &files[path]).ok());
    }
    return files;
  }
  // The files, as the only ones there are.
  void Restore(const std::map<std::string, std::string>& files) {
    env_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    options_.env = env_.get();
    EXPECT_TRUE(env_->CreateDirIfMissing(kFolder).ok());
    for (const auto& [path, bytes] : files) {
      EXPECT_TRUE(WriteStringToFile(env_.get(), bytes, path).ok());
    }
  }

  // Bytes that somebody is given: no flip in them may go unseen.
  int PayloadBytes() const {
    size_t bytes = 0;
    for (const auto& [session, record] : records_) bytes += record.size();
    for (const auto& [key, reply] : replies_) bytes += reply.size();
    for (const auto& [key, value] : values_) {
      bytes += std::min<size_t>(value.size(), value.size() / kStride + 1);
    }
    return static_cast<int>(bytes);
  }

  std::unique_ptr<rocksdb::Env> env_;
  RocksDbStore::Options options_;
  std::map<SessionKey, std::string> records_;
  std::map<ValueKey, std::string> values_;
  std::map<ReplyKey, std::string> replies_;
  int tried_ = 0;
  int noticed_ = 0;  // of these
};

size_t StrideOf(const Entry& entry) {
  return entry.value.size() >= kLargeValue ? kStride : 1;
}

TEST_F(CorruptionTest, AFlippedBitInAnyByte) {
  for (const Entry& entry : Entries()) {
    for (size_t i = 0; i < entry.value.size(); i += StrideOf(entry)) {
      std::string damaged = entry.value;
      damaged[i] = static_cast<char>(damaged[i] ^ (1 << i % 8));
      Try(entry, damaged, absl::StrCat("a bit of byte ", i));
    }
  }
  std::printf("%d bits flipped, %d noticed\n", tried_, noticed_);
  EXPECT_GE(noticed_, PayloadBytes());
}

TEST_F(CorruptionTest, AValueCutAnywhereOrWithMoreAtItsEnd) {
  for (const Entry& entry : Entries()) {
    for (size_t i = 0; i < entry.value.size(); i += StrideOf(entry)) {
      Try(entry, entry.value.substr(0, i), absl::StrCat("cut at ", i));
    }
    Try(entry, absl::StrCat(entry.value, "x"), "a byte more");
  }
  std::printf("%d values cut, %d noticed\n", tried_, noticed_);
  EXPECT_GE(noticed_, PayloadBytes());
}

TEST_F(CorruptionTest, TheValueOfAnotherEntry) {
  const std::vector<Entry> entries = Entries();
  for (const Entry& entry : entries) {
    for (const Entry& other : entries) {
      if (other.value == entry.value) continue;
      Try(entry, other.value,
          absl::StrCat("the value of ", absl::CHexEscape(other.key)));
    }
  }
  std::printf("%d values exchanged, %d noticed\n", tried_, noticed_);
  EXPECT_GT(noticed_, 0);
}

// RocksDB takes a length that goes beyond the log's end for a write that a
// crash cut off, so two bytes of a log's last records can hide those after
// them: then a session is as it was before, or not there. Never another answer.
TEST_F(CorruptionTest, AFlippedBitInTheLog) {
  const std::map<std::string, std::string> files = Files();
  const auto log = std::find_if(
      files.begin(), files.end(),
      [](const auto& file) { return file.first.ends_with(".log"); });
  ASSERT_NE(log, files.end());
  for (size_t i = 0; i < log->second.size(); i += i < 200 ? 1 : kStride) {
    SCOPED_TRACE(absl::StrCat("byte ", i));
    std::map<std::string, std::string> damaged = files;
    char& byte = damaged[log->first][i];
    byte = static_cast<char>(byte ^ (1 << i % 8));
    Restore(damaged);
    ++tried_;
    const auto store = RocksDbStore::Open(kFolder, options_);
    if (!store.ok()) {
      EXPECT_THAT(store, StatusIs(StatusCode::kDataLoss));
      ++noticed_;
      continue;
    }
    for (const auto& [key, bytes] : values_) {
      EXPECT_THAT((*store)->GetValue(key),
                  AnyOf(IsOkAndHolds(bytes), StatusIs(StatusCode::kNotFound)));
    }
    EXPECT_THAT((*store)->LoadRecords()->corrupt, ::testing::IsEmpty());
  }
  std::printf("%d bits flipped, %d noticed\n", tried_, noticed_);
  EXPECT_GE(noticed_, tried_ - 4);
}

}  // namespace
}  // namespace mneme
