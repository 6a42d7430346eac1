#include <rocksdb/env.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/rocksdb_store.h"
#include "tests/crash/settings.h"
#include "tests/crash/stored_steps.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"
#include "tests/testing/unsynced_loss_file_system.h"

namespace mneme {
namespace {

constexpr int kSessions = 5;
constexpr int kRuns = 40;  // unless MNEME_CRASH_KILLS says more
constexpr int kLossesOfOneDisk = 12;
// So large that no log is closed while it is not synced: when the power goes
// then, an assertion of RocksDB 7.8 (in SyncClosedLogs) ends the process.
constexpr int64_t kNeverFull = int64_t{64} << 20;

// A store on a disk that loses power, and what was acknowledged on it.
class Machine {
 public:
  explicit Machine(uint64_t seed, int64_t write_buffer_bytes = 64 << 10)
      : write_buffer_bytes_(write_buffer_bytes),
        random_(seed),
        disk_(std::make_shared<UnsyncedLossFileSystem>()),
        env_(MakePauselessEnv(disk_)) {
    Start();
  }

  // Commits groups to random sessions until the power is off. nullopt: each
  // group is one or the other.
  void CommitUntilPowerLoss(std::optional<Durability> always) {
    disk_->PowerOffAfter(std::uniform_int_distribution(1, 400)(random_));
    bool power = true;
    while (power) {
      const Durability durability = always.value_or(
          random_() % 8 == 0 ? Durability::kSync : Durability::kAsync);
      std::vector<Commit> group;
      for (int i = 0; i < kSessions; ++i) {
        if (random_() % 2 == 0) group.push_back(Next(i, durability));
      }
      const std::vector<std::string> ids = IdsOf(group);
      const auto statuses = store_->Apply(std::move(group));
      for (size_t i = 0; i < statuses.size(); ++i) {
        if (statuses[i].ok()) ++acknowledged_[ids[i]];
        power &= statuses[i].ok();
      }
      const bool is_sync = durability == Durability::kSync && !ids.empty();
      if (power && is_sync) synced_ = acknowledged_;
    }
  }

  // The power comes back, and goes once more while the store opens.
  void LosePowerWhileOpening() {
    store_.reset();
    disk_->RestorePower();
    disk_->PowerOffAfter(std::uniform_int_distribution(1, 40)(random_));
    Start();
    disk_->PowerOff();
  }

  // Acknowledged commits that are gone after the power is back, or all of them
  // when the store does not open. Adds a failure for anything torn, and goes on
  // from what is there.
  int RestartAndCountLost() {
    store_.reset();
    disk_->RestorePower();
    Start();
    if (store_ == nullptr) return Total(acknowledged_);
    const auto steps = ReadStoredSteps(store_.get());
    EXPECT_THAT(steps, IsOk());
    if (!steps.ok()) return 0;
    int lost = 0;
    for (auto& [id, commits] : acknowledged_) {
      const auto it = steps->find(id);
      const int found = it == steps->end() ? 0 : it->second + 1;
      EXPECT_LE(found, commits + 1) << id;
      lost += std::max(0, commits - found);
      lost_synced_ += std::max(0, synced_[id] - found);
      commits = found;
    }
    synced_ = acknowledged_;
    return lost;
  }

  // Of all commits that were lost, those with a kSync one at or after them.
  int lost_synced() const { return lost_synced_; }

  int acknowledged() const { return Total(acknowledged_); }
  UnsyncedLossFileSystem* disk() { return disk_.get(); }
  RocksDbStore* store() { return store_.get(); }
  FakeClock* clock() { return &clock_; }

  // What it did not sync stays, with the operating system.
  void KillProcess() {
    disk_->IgnoreSyncs(true);
    store_.reset();
    disk_->IgnoreSyncs(false);
  }

  void Start() {
    RocksDbStore::Options options;
    options.env = env_.get();
    options.clock = &clock_;
    options.write_buffer_bytes = write_buffer_bytes_;
    auto store = RocksDbStore::Open(dir_.path(), options);
    opened_ = store.status();
    if (store.ok()) store_ = *std::move(store);
  }
  const absl::Status& opened() const { return opened_; }

 private:
  Commit Next(int session, Durability durability) {
    const SessionKey key = Session(absl::StrCat("s", session));
    return StepCommit(key, acknowledged_[key.session_id], durability);
  }
  static std::vector<std::string> IdsOf(const std::vector<Commit>& group) {
    std::vector<std::string> ids;
    for (const Commit& commit : group)
      ids.push_back(commit.record.session.session_id);
    return ids;
  }
  static int Total(const Steps& commits) {
    int total = 0;
    for (const auto& [id, count] : commits) total += count;
    return total;
  }

  const int64_t write_buffer_bytes_;
  TempFolder dir_;
  FakeClock clock_;
  std::mt19937_64 random_;
  std::shared_ptr<UnsyncedLossFileSystem> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksDbStore> store_;
  absl::Status opened_;  // the last time
  Steps acknowledged_;   // commits by session
  Steps synced_;         // the same when a kSync group was last acknowledged
  int lost_synced_ = 0;
};

struct Outcome {
  int acknowledged = 0;
  int lost = 0;
};

Outcome LosePowerOften(Durability durability, bool disk_lies) {
  Outcome outcome;
  for (int run = 0; run < CrashKills(kRuns); ++run) {
    Machine machine(CrashSeed() + static_cast<uint64_t>(run));
    machine.disk()->IgnoreSyncs(disk_lies);
    machine.CommitUntilPowerLoss(durability);
    outcome.acknowledged += machine.acknowledged();
    outcome.lost += machine.RestartAndCountLost();
  }
  return outcome;
}

TEST(PowerLossTest, SyncCommitsAllSurvive) {
  const Outcome outcome = LosePowerOften(Durability::kSync, false);
  EXPECT_GT(outcome.acknowledged, 10 * CrashKills(kRuns));
  EXPECT_EQ(outcome.lost, 0);
}

TEST(PowerLossTest, TheCheckSeesTheLossWhenSyncIsOff) {
  EXPECT_GT(LosePowerOften(Durability::kAsync, false).lost, CrashKills(kRuns));
}

TEST(PowerLossTest, TheCheckSeesTheLossWhenTheDiskLies) {
  EXPECT_GT(LosePowerOften(Durability::kSync, true).lost, CrashKills(kRuns));
}

// The power goes again and again, also while the store opens.
TEST(PowerLossTest, OneDiskLosesItsPowerOftenAndNoSyncCommit) {
  for (int run = 0; run < CrashKills(kRuns) / kLossesOfOneDisk + 1; ++run) {
    Machine machine(CrashSeed() + static_cast<uint64_t>(run));
    for (int loss = 0; loss < kLossesOfOneDisk; ++loss) {
      machine.CommitUntilPowerLoss(Durability::kSync);
      if (loss % 3 == 0) machine.LosePowerWhileOpening();
      ASSERT_EQ(machine.RestartAndCountLost(), 0)
          << run << ", loss " << loss << ": " << machine.opened();
    }
    EXPECT_GT(machine.acknowledged(), kLossesOfOneDisk);
  }
}

TEST(PowerLossTest, WhatIsLostCameAfterTheLastSync) {
  int lost = 0;
  for (int run = 0; run < CrashKills(kRuns) / kLossesOfOneDisk / 2 + 1; ++run) {
    Machine machine(CrashSeed() + static_cast<uint64_t>(run), kNeverFull);
    for (int loss = 0; loss < kLossesOfOneDisk; ++loss) {
      machine.CommitUntilPowerLoss(std::nullopt);
      lost += machine.RestartAndCountLost();
      ASSERT_EQ(machine.lost_synced(), 0) << run << ", loss " << loss;
    }
  }
  EXPECT_GT(lost, CrashKills(kRuns));
}

TEST(PowerLossTest, AsyncCommitsSurviveAFlush) {
  Machine machine(1);
  machine.CommitUntilPowerLoss(Durability::kSync);
  ASSERT_EQ(machine.RestartAndCountLost(), 0);
  ASSERT_THAT(ApplyOne(machine.store(),
                       StepCommit(Session("async"), 0, Durability::kAsync)),
              IsOk());
  ASSERT_THAT(machine.store()->Flush(), IsOk());
  machine.disk()->PowerOff();
  ASSERT_EQ(machine.RestartAndCountLost(), 0);
  EXPECT_THAT(machine.store()->GetValue(ValueAt(Session("async"), 0)), IsOk());
}

TEST(PowerLossTest, AsyncCommitsSurviveOnceTheirWindowIsOver) {
  Machine machine(2);
  ASSERT_THAT(ApplyOne(machine.store(),
                       StepCommit(Session("async"), 0, Durability::kAsync)),
              IsOk());
  machine.clock()->Advance(RocksDbStore::Options{}.async_window);
  while (machine.store()->unsynced_since().has_value()) {
    std::this_thread::yield();
  }
  machine.disk()->PowerOff();
  ASSERT_EQ(machine.RestartAndCountLost(), 0);
  EXPECT_THAT(machine.store()->GetValue(ValueAt(Session("async"), 0)), IsOk());
}

// A killed process leaves what was not synced to the operating system; the next
// one finds it there, and power is lost then.
TEST(PowerLossTest, WhatARestartFoundIsOnDisk) {
  Machine machine(4);
  ASSERT_THAT(ApplyOne(machine.store(),
                       StepCommit(Session("async"), 0, Durability::kAsync)),
              IsOk());
  machine.KillProcess();
  machine.Start();
  ASSERT_THAT(machine.store()->GetValue(ValueAt(Session("async"), 0)), IsOk());
  machine.disk()->PowerOff();
  ASSERT_EQ(machine.RestartAndCountLost(), 0);
  EXPECT_THAT(machine.store()->GetValue(ValueAt(Session("async"), 0)), IsOk());
}

TEST(PowerLossTest, ARemovedSessionStaysRemoved) {
  Machine machine(3);
  ASSERT_THAT(ApplyOne(machine.store(), StepCommit(Session("gone"), 0)),
              IsOk());
  ASSERT_THAT(machine.store()->Remove(Session("gone"), ""), IsOk());
  machine.disk()->PowerOff();
  ASSERT_EQ(machine.RestartAndCountLost(), 0);
  EXPECT_THAT(machine.store()->LoadRecords()->records, ::testing::IsEmpty());
}

}  // namespace
}  // namespace mneme
