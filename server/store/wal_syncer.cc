#include "server/store/wal_syncer.h"

#include <algorithm>
#include <utility>

namespace mneme {

WalSyncer::WalSyncer(absl::AnyInvocable<absl::Status()> sync,
                     absl::Duration window, Clock* clock)
    : window_(window),
      clock_(clock),
      sync_(std::move(sync)),
      thread_([this] { Loop(); }) {}

WalSyncer::~WalSyncer() {
  {
    MutexLock lock(&mu_);
    stopping_ = true;
  }
  wake_.notify_one();
  thread_.join();
  if (unsynced_since().has_value()) SyncNow().IgnoreError();
}

void WalSyncer::WroteUnsynced() {
  bool first;
  {
    MutexLock lock(&mu_);
    first = !unsynced_since_.has_value();
    if (first) unsynced_since_ = clock_->Monotonic();
  }
  if (first) wake_.notify_one();
}

void WalSyncer::WroteSynced() {
  MutexLock lock(&mu_);
  unsynced_since_.reset();
}

absl::Status WalSyncer::SyncNow() {
  MutexLock sync_lock(&sync_mu_);
  {
    MutexLock lock(&mu_);
    syncing_since_ = std::exchange(unsynced_since_, std::nullopt);
  }
  absl::Status status = sync_();
  MutexLock lock(&mu_);
  if (!status.ok()) {
    if (syncing_since_.has_value()) unsynced_since_ = syncing_since_;
    retry_at_ = clock_->Monotonic() + window_;
  }
  syncing_since_.reset();
  return status;
}

std::optional<absl::Duration> WalSyncer::unsynced_since() const {
  MutexLock lock(&mu_);
  return syncing_since_.has_value() ? syncing_since_ : unsynced_since_;
}

void WalSyncer::Loop() {
  while (WaitUntilDue()) SyncNow().IgnoreError();
}

bool WalSyncer::WaitUntilDue() {
  MutexLock lock(&mu_);
  while (!stopping_) {
    absl::Duration due = absl::InfiniteDuration();
    if (unsynced_since_.has_value()) {
      due = std::max(*unsynced_since_ + window_, retry_at_);
      if (clock_->Monotonic() >= due) return true;
    }
    clock_->WaitUntil(lock, wake_, due);
  }
  return false;
}

}  // namespace mneme
