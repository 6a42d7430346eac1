// What StoreWriter says of its store's health.

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/error_info.h"
#include "server/base/mutex.h"
#include "server/store/store_writer.h"
#include "tests/server/store/gated_store.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/pending.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

class StoreHealthTest : public ::testing::Test {
 protected:
  StoreHealthTest() {
    options_.clock = &clock_;
    options_.on_health = [this](const absl::Status& status) {
      MutexLock lock(&mu_);
      told_.push_back(status.code());
      changed_.notify_all();
    };
  }

  absl::Status Commit(StoreWriter* writer, int step,
                      Durability durability = Durability::kSync) {
    Pending<absl::Status> done;
    writer->Submit(StepCommit(Session("s"), step, durability), done.Setter());
    return done.Get();
  }
  void BreakDisk() {
    store_.FailWith(
        MakeError(StatusCode::kUnavailable, "STORE_DOWN", "it is full"));
  }
  void MendDisk() { store_.FailWith(absl::OkStatus()); }
  std::vector<StatusCode> told() const {
    MutexLock lock(&mu_);
    return told_;
  }
  void AwaitTold(size_t count) {
    MutexLock lock(&mu_);
    while (told_.size() < count) lock.Wait(changed_);
  }
  // The writer waits for its next probe after this.
  void AwaitProbeIn(absl::Duration time) {
    clock_.AwaitWaitUntil(clock_.Monotonic() + time);
  }

  GatedStore store_;
  FakeClock clock_;
  StoreWriter::Options options_;
  mutable Mutex mu_;
  std::condition_variable changed_;
  std::vector<StatusCode> told_ ABSL_GUARDED_BY(mu_);
};

TEST_F(StoreHealthTest, IsToldBeforeTheFirstRefusalIsAnswered) {
  StoreWriter writer(&store_, options_);
  ASSERT_THAT(Commit(&writer, 0), IsOk());
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_TRUE(writer.stats().up);
  BreakDisk();
  EXPECT_THAT(Commit(&writer, 1), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(told(), ElementsAre(StatusCode::kUnavailable));
  EXPECT_FALSE(writer.stats().up);
  EXPECT_THAT(Commit(&writer, 1), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(told(), ElementsAre(StatusCode::kUnavailable)) << "once";
}

TEST_F(StoreHealthTest, ComesBackByItselfWhenAProbeWorks) {
  StoreWriter writer(&store_, options_);
  BreakDisk();
  EXPECT_THAT(Commit(&writer, 0), StatusIs(StatusCode::kUnavailable));
  AwaitProbeIn(options_.probe_interval);
  clock_.Advance(options_.probe_interval);
  store_.AwaitProbes(1);
  AwaitProbeIn(options_.probe_interval);
  EXPECT_FALSE(writer.stats().up);
  MendDisk();
  clock_.Advance(options_.probe_interval);
  AwaitTold(2);
  EXPECT_THAT(told(), ElementsAre(StatusCode::kUnavailable, StatusCode::kOk));
  EXPECT_TRUE(writer.stats().up);
  EXPECT_THAT(Commit(&writer, 0), IsOk());
  clock_.Advance(10 * options_.probe_interval);
  EXPECT_THAT(Commit(&writer, 1), IsOk());
  EXPECT_THAT(store_.calls(),
              ElementsAre("apply s", "probe", "probe", "apply s", "apply s"));
}

TEST_F(StoreHealthTest, RefusalsInBetweenDoNotPutTheProbeOff) {
  StoreWriter writer(&store_, options_);
  BreakDisk();
  EXPECT_THAT(Commit(&writer, 0), StatusIs(StatusCode::kUnavailable));
  clock_.Advance(options_.probe_interval / 2);
  EXPECT_THAT(Commit(&writer, 0), StatusIs(StatusCode::kUnavailable));
  MendDisk();
  clock_.Advance(options_.probe_interval / 2);
  AwaitTold(2);
}

TEST_F(StoreHealthTest, WhatIsTheCallersFaultDoesNotCount) {
  StoreWriter writer(&store_, options_);
  EXPECT_THAT(Commit(&writer, 5), StatusIs(StatusCode::kAborted));
  ASSERT_THAT(Commit(&writer, 0), IsOk());
  EXPECT_THAT(Commit(&writer, 0), StatusIs(StatusCode::kAlreadyExists));
  store_.FailWith(
      MakeError(StatusCode::kUnavailable, "NOT_OWNER", "ask another one"));
  EXPECT_THAT(Commit(&writer, 1), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(told(), IsEmpty());
}

// A node of a cluster, say: its sessions alone must wait.
TEST_F(StoreHealthTest, IsNotDownWhereAPartOfTheStoreIs) {
  store_.FailInParts();
  StoreWriter writer(&store_, options_);
  store_.LoseAnswerWith(
      MakeError(StatusCode::kUnavailable, "STORE_DOWN", "one node is down"));
  EXPECT_THAT(Commit(&writer, 0), StatusIs(StatusCode::kUnavailable));
  AwaitProbeIn(options_.probe_interval);
  clock_.Advance(options_.probe_interval);
  store_.AwaitProbes(1);
  ASSERT_THAT(Commit(&writer, 1), IsOk());
  EXPECT_THAT(told(), IsEmpty());
  EXPECT_TRUE(writer.stats().up);
}

TEST_F(StoreHealthTest, IsDownWhereNoPartOfTheStoreWorks) {
  store_.FailInParts();
  StoreWriter writer(&store_, options_);
  BreakDisk();
  EXPECT_THAT(Commit(&writer, 0), StatusIs(StatusCode::kUnavailable));
  EXPECT_THAT(told(), IsEmpty());
  AwaitProbeIn(options_.probe_interval);
  clock_.Advance(options_.probe_interval);
  AwaitTold(1);
  EXPECT_FALSE(writer.stats().up);
  AwaitProbeIn(options_.probe_interval);
  MendDisk();
  clock_.Advance(options_.probe_interval);
  AwaitTold(2);
  EXPECT_THAT(told(), ElementsAre(StatusCode::kUnavailable, StatusCode::kOk));
}

TEST_F(StoreHealthTest, EndsWhileTheStoreIsDown) {
  {
    StoreWriter writer(&store_, options_);
    BreakDisk();
    EXPECT_THAT(Commit(&writer, 0), StatusIs(StatusCode::kUnavailable));
  }
  EXPECT_THAT(told(), ElementsAre(StatusCode::kUnavailable));
}

}  // namespace
}  // namespace mneme
