#ifndef MNEME_SERVER_STORE_WAL_SYNCER_H_
#define MNEME_SERVER_STORE_WAL_SYNCER_H_

#include <condition_variable>
#include <optional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"

namespace mneme {

// Bounds what kAsync commits can lose: a thread that calls `sync` once the
// oldest write that is not known to be on disk is `window` old. When `sync`
// fails it is tried again every window. Owned by a disk store, which says what
// it wrote.
//
// Thread-safe. `sync` is called on the syncer's thread or on that of SyncNow(),
// never by two at once, and never under the lock that the other calls take.
class WalSyncer {
 public:
  // `clock` is not owned and outlives the syncer.
  WalSyncer(absl::AnyInvocable<absl::Status()> sync, absl::Duration window,
            Clock* clock);
  // Syncs what is left.
  ~WalSyncer();

  WalSyncer(const WalSyncer&) = delete;
  WalSyncer& operator=(const WalSyncer&) = delete;

  // A write is acknowledged that is not known to be on disk.
  void WroteUnsynced() ABSL_LOCKS_EXCLUDED(mu_);
  // Everything written so far is on disk. REQUIRES: not called while another
  // thread is between its write and its WroteUnsynced().
  void WroteSynced() ABSL_LOCKS_EXCLUDED(mu_);

  absl::Status SyncNow() ABSL_LOCKS_EXCLUDED(sync_mu_, mu_);

  // When the oldest write that a crash of the machine could still take was
  // made (Clock::Monotonic); nullopt: there is none.
  std::optional<absl::Duration> unsynced_since() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Loop() ABSL_LOCKS_EXCLUDED(sync_mu_, mu_);
  // Waits until a sync is due; false when stopping.
  bool WaitUntilDue() ABSL_LOCKS_EXCLUDED(mu_);

  const absl::Duration window_;
  Clock* const clock_;

  Mutex sync_mu_;  // taken before mu_; held while a sync runs
  absl::AnyInvocable<absl::Status()> sync_ ABSL_GUARDED_BY(sync_mu_);

  mutable Mutex mu_;
  std::condition_variable wake_;
  std::optional<absl::Duration> unsynced_since_ ABSL_GUARDED_BY(mu_);
  // That of the writes which a running sync covers, if any.
  std::optional<absl::Duration> syncing_since_ ABSL_GUARDED_BY(mu_);
  // After a failed sync: not tried again before.
  absl::Duration retry_at_ ABSL_GUARDED_BY(mu_) = -absl::InfiniteDuration();
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_WAL_SYNCER_H_
