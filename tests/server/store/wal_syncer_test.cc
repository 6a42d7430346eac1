#include "server/store/wal_syncer.h"

#include <condition_variable>
#include <memory>
#include <optional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/base/mutex.h"
#include "tests/testing/fake_clock.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

constexpr absl::Duration kWindow = absl::Milliseconds(100);

// Counts syncs, and lets the test wait for them.
class CountedSync {
 public:
  absl::Status Sync() {
    MutexLock lock(&mu_);
    ++count_;
    changed_.notify_all();
    return status_;
  }
  void Await(int count) {
    MutexLock lock(&mu_);
    while (count_ < count) lock.Wait(changed_);
  }
  int count() const {
    MutexLock lock(&mu_);
    return count_;
  }
  void set_status(absl::Status status) {
    MutexLock lock(&mu_);
    status_ = std::move(status);
  }

 private:
  mutable Mutex mu_;
  std::condition_variable changed_;
  int count_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mu_);
};

class WalSyncerTest : public ::testing::Test {
 protected:
  WalSyncerTest()
      : syncer_(std::make_unique<WalSyncer>([this] { return sync_.Sync(); },
                                            kWindow, &clock_)) {}

  FakeClock clock_;
  CountedSync sync_;
  std::unique_ptr<WalSyncer> syncer_;
};

TEST_F(WalSyncerTest, SyncsWhenTheOldestWriteIsAWindowOld) {
  syncer_->WroteUnsynced();
  const absl::Duration written = clock_.Monotonic();
  EXPECT_EQ(syncer_->unsynced_since(), written);
  clock_.Advance(kWindow - absl::Milliseconds(1));
  syncer_->WroteUnsynced();
  EXPECT_EQ(syncer_->unsynced_since(), written);
  EXPECT_EQ(sync_.count(), 0);
  clock_.Advance(absl::Milliseconds(1));
  sync_.Await(1);
}

TEST_F(WalSyncerTest, NothingWrittenIsNothingSynced) {
  clock_.Advance(100 * kWindow);
  EXPECT_EQ(syncer_->unsynced_since(), std::nullopt);
  syncer_.reset();
  EXPECT_EQ(sync_.count(), 0);
}

TEST_F(WalSyncerTest, ASyncedWriteCoversThoseBefore) {
  syncer_->WroteUnsynced();
  syncer_->WroteSynced();
  EXPECT_EQ(syncer_->unsynced_since(), std::nullopt);
  clock_.Advance(2 * kWindow);
  syncer_.reset();
  EXPECT_EQ(sync_.count(), 0);
}

TEST_F(WalSyncerTest, SyncNowReportsAndClears) {
  syncer_->WroteUnsynced();
  EXPECT_THAT(syncer_->SyncNow(), IsOk());
  EXPECT_EQ(syncer_->unsynced_since(), std::nullopt);
  EXPECT_EQ(sync_.count(), 1);
}

TEST_F(WalSyncerTest, AFailedSyncStaysDueAndIsTriedAgainAWindowLater) {
  sync_.set_status(absl::UnavailableError("no disk"));
  const absl::Duration written = clock_.Monotonic();
  syncer_->WroteUnsynced();
  EXPECT_THAT(syncer_->SyncNow(), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(syncer_->unsynced_since(), written);
  sync_.set_status(absl::OkStatus());
  clock_.Advance(kWindow);
  sync_.Await(2);
}

TEST_F(WalSyncerTest, DestructionSyncsWhatIsLeft) {
  syncer_->WroteUnsynced();
  syncer_.reset();
  EXPECT_EQ(sync_.count(), 1);
}

}  // namespace
}  // namespace mneme
