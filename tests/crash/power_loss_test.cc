#include <rocksdb/env.h>

#include <memory>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/rocksdb_store.h"
#include "tests/crash/stored_steps.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"
#include "tests/testing/unsynced_loss_file_system.h"

namespace mneme {
namespace {

constexpr int kSessions = 5;
constexpr int kRuns = 40;

// A store on a disk that loses power, and what was acknowledged on it.
class Machine {
 public:
  explicit Machine(unsigned seed)
      : random_(seed),
        disk_(std::make_shared<UnsyncedLossFileSystem>()),
        env_(MakePauselessEnv(disk_)) {
    Start();
  }

  // Commits groups to random sessions until the power is off.
  void CommitUntilPowerLoss(Durability durability) {
    disk_->PowerOffAfter(std::uniform_int_distribution(1, 400)(random_));
    bool power = true;
    while (power) {
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
    }
  }

  // Acknowledged commits that are gone after the power is back, or all of them
  // when the store does not open. Adds a failure for anything torn.
  int RestartAndCountLost() {
    store_.reset();
    disk_->RestorePower();
    Start();
    if (store_ == nullptr) return Total(acknowledged_);
    const auto steps = ReadStoredSteps(store_.get());
    EXPECT_THAT(steps, IsOk());
    if (!steps.ok()) return 0;
    int lost = 0;
    for (const auto& [id, commits] : acknowledged_) {
      const auto it = steps->find(id);
      const int found = it == steps->end() ? 0 : it->second + 1;
      EXPECT_LE(found, commits + 1) << id;
      if (found < commits) lost += commits - found;
    }
    return lost;
  }

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
    options.write_buffer_bytes = 64 << 10;
    auto store = RocksDbStore::Open(dir_.path(), options);
    if (store.ok()) store_ = *std::move(store);
  }

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

  TempFolder dir_;
  FakeClock clock_;
  std::mt19937 random_;
  std::shared_ptr<UnsyncedLossFileSystem> disk_;
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<RocksDbStore> store_;
  Steps acknowledged_;  // commits by session
};

struct Outcome {
  int acknowledged = 0;
  int lost = 0;
};

Outcome LosePowerOften(Durability durability, bool disk_lies) {
  Outcome outcome;
  for (unsigned seed = 0; seed < kRuns; ++seed) {
    Machine machine(seed);
    machine.disk()->IgnoreSyncs(disk_lies);
    machine.CommitUntilPowerLoss(durability);
    outcome.acknowledged += machine.acknowledged();
    outcome.lost += machine.RestartAndCountLost();
  }
  return outcome;
}

TEST(PowerLossTest, SyncCommitsAllSurvive) {
  const Outcome outcome = LosePowerOften(Durability::kSync, false);
  EXPECT_GT(outcome.acknowledged, 10 * kRuns);
  EXPECT_EQ(outcome.lost, 0);
}

TEST(PowerLossTest, TheCheckSeesTheLossWhenSyncIsOff) {
  EXPECT_GT(LosePowerOften(Durability::kAsync, false).lost, kRuns);
}

TEST(PowerLossTest, TheCheckSeesTheLossWhenTheDiskLies) {
  EXPECT_GT(LosePowerOften(Durability::kSync, true).lost, kRuns);
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
