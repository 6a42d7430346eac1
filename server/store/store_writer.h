#ifndef MNEME_SERVER_STORE_STORE_WRITER_H_
#define MNEME_SERVER_STORE_STORE_WRITER_H_

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "server/base/clock.h"
#include "server/base/mutex.h"
#include "server/store/directory_thread.h"
#include "server/store/memory_store.h"
#include "server/store/scrubber.h"

namespace mneme {

// Counters since the writer started; server/observe turns them into metrics.
struct StoreWriterStats {
  int64_t groups = 0;          // calls of MemoryStore::Apply
  int64_t commits = 0;         // commits in them
  int64_t failed_commits = 0;  // of these, not acknowledged
  int64_t bytes = 0;           // records and objects in them
  int64_t sync_groups = 0;     // groups with a kSync commit
  int64_t reads = 0;           // objects read
  int64_t read_groups = 0;     // reads that took them together
  int64_t read_bytes = 0;
  absl::Duration read_time;        // inside these
  int64_t removes = 0;             // sessions removed
  int64_t last_group_commits = 0;  // commits in the newest group
  int64_t queued = 0;              // accepted and not begun
  absl::Duration apply_time;       // inside Apply
  absl::Duration sync_time;        // of this, in groups with a kSync commit
  bool up = true;                  // see StoreWriter::Options::on_health
};

// The one thread that blocks on a MemoryStore, so that gRPC, scheduler and
// completion threads never do. It sits between session (which submits) and
// store. Commits are grouped: the thread takes everything that queued up while
// the last group was written (up to max_group_bytes), and writes it with one
// Apply, hence at most one sync.
//
// Invariants: each `done` is called exactly once, on the writer's thread (but
// those of Scrub and Ask), with no lock held; for one session, and for one
// family of sessions, operations take effect and complete in the order of
// submission; others may pass each other. The inbox has no limit of its own:
// callers bound what they submit (the session layer has one commit in flight a
// session).
//
// Thread-safe. A `done` must not block; it may submit, but not Flush().
class StoreWriter {
 public:
  using Done = absl::AnyInvocable<void(absl::Status) &&>;
  using ReloadDone =
      absl::AnyInvocable<void(absl::StatusOr<MemoryStore::Reloaded>) &&>;
  using ReadDone = absl::AnyInvocable<void(absl::StatusOr<std::string>) &&>;

  struct Options {
    // Bytes of records and objects in one group. More means fewer syncs, and a
    // longer wait for the first commit of a group. One commit always fits.
    int64_t max_group_bytes = int64_t{8} << 20;
    Clock* clock = Clock::Real();  // not owned; outlives the writer
    // The store is down from when something is refused with STORE_DOWN until a
    // probe (MemoryStore::Probe) works. There is one each probe_interval
    // meanwhile, so that nobody else needs to write. `on_health` is told each
    // change: STORE_DOWN, in the words of what failed, before that is answered;
    // or OK. A store that fails in parts is down only once the probe after such
    // a refusal says so. On the writer's thread, with no lock held; it must not
    // block.
    absl::Duration probe_interval = absl::Seconds(1);
    std::function<void(const absl::Status&)> on_health;
  };
  // Told of each session that MemoryStore::TakeReleased gives, before the
  // commit is answered that was the last; as on_health.
  using OnReleased = std::function<void(const SessionKey&)>;

  // Starts the thread. `store` is not owned and outlives the writer.
  explicit StoreWriter(MemoryStore* store) : StoreWriter(store, Options{}) {}
  StoreWriter(MemoryStore* store, Options options);

  // Completes everything submitted, then ends the thread. Does not Flush().
  // REQUIRES: nothing but a running `done` submits any more.
  ~StoreWriter();

  StoreWriter(const StoreWriter&) = delete;
  StoreWriter& operator=(const StoreWriter&) = delete;

  void Submit(Commit commit, Done done) ABSL_LOCKS_EXCLUDED(mu_);
  void ReadValue(ValueKey key, ReadDone done) ABSL_LOCKS_EXCLUDED(mu_);
  void ReadReply(ReplyKey key, ReadDone done) ABSL_LOCKS_EXCLUDED(mu_);
  // Asks a store that servers share, on a thread for it, unless too many do
  // (DirectoryThread). Does not wait for its turn. REQUIRES: it has a
  // directory, and no lock is held.
  void Ask(DirectoryThread::Question question) {
    directory_.Ask(std::move(question));
  }
  // See MemoryStore::Reload and Forget.
  void Reload(MemoryStore::ReloadRequest request, ReloadDone done)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Forget(SessionKey session) ABSL_LOCKS_EXCLUDED(mu_);
  // See MemoryStore::Remove.
  void Remove(SessionKey session, std::string tombstone, Done done)
      ABSL_LOCKS_EXCLUDED(mu_);

  void RemoveTombstone(SessionKey session, Done done) ABSL_LOCKS_EXCLUDED(mu_);

  // Each after MemoryStore::MarkErase, and without one if that fails. The bytes
  // are gone after a Scrub() that follows.
  void Erase(SessionKey session, Done done) ABSL_LOCKS_EXCLUDED(mu_);
  void EraseTombstone(SessionKey session, Done done) ABSL_LOCKS_EXCLUDED(mu_);
  // See MemoryStore::Scrub. Does not wait for its turn, nor do others for it;
  // `done` comes on a thread of its own, which takes one scrub at a time.
  void Scrub(Done done) { scrubber_.Scrub(std::move(done)); }

  // Blocks until everything submitted before is complete and on disk, kAsync
  // too. For shutdown. REQUIRES: not called from a `done`.
  absl::Status Flush() ABSL_LOCKS_EXCLUDED(mu_);

  // MemoryStore's; never blocks.
  std::optional<absl::Duration> unsynced_since() const {
    return store_->unsynced_since();
  }
  bool shares_store() const { return store_->directory() != nullptr; }
  absl::Duration lease() const { return store_->lease(); }
  // Before anything is submitted; nullptr from when it must not be called.
  void SetOnReleased(OnReleased on_released) ABSL_LOCKS_EXCLUDED(mu_);

  StoreWriterStats stats() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct CommitOp {
    Commit commit;
    Done done;
  };
  struct ReadOp {
    std::variant<ValueKey, ReplyKey> key;
    ReadDone done;
  };
  struct ReloadOp {
    MemoryStore::ReloadRequest request;
    ReloadDone done;
  };
  struct ForgetOp {
    SessionKey session;
  };
  struct RemoveOp {
    SessionKey session;
    std::string tombstone;
    Done done;
    bool erase = false;
  };
  struct RemoveTombstoneOp {
    SessionKey session;
    Done done;
    bool erase = false;
  };
  struct FlushOp {
    Done done;
  };
  using Op = std::variant<CommitOp, ReadOp, ReloadOp, ForgetOp, RemoveOp,
                          RemoveTombstoneOp, FlushOp>;

  // What one round of the thread does: `early`, in order, then `commits` as
  // one group. No operation in `early` follows a commit of its own session.
  struct Round {
    std::vector<Op> early;
    std::vector<Commit> commits;
    std::vector<Done> commit_dones;
    int64_t bytes = 0;
    bool sync = false;
    // The sessions and the families of the first `indexed` commits; filled when
    // they are asked for. Points into `commits`, which never reallocates.
    std::set<std::pair<absl::string_view, absl::string_view>> touched;
    size_t indexed = 0;
  };

  void Enqueue(Op op) ABSL_LOCKS_EXCLUDED(mu_);
  void CountPending() ABSL_LOCKS_EXCLUDED(mu_);
  void Loop() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for something to do, a probe too. False when the writer is stopping
  // and nothing is left.
  bool FillPending() ABSL_LOCKS_EXCLUDED(mu_);
  bool ProbeIsDue() const;
  void Probe() ABSL_LOCKS_EXCLUDED(mu_);
  // Takes note of what the store answered.
  void NoteFailure(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  void SetHealth(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Duration NextProbe(const absl::Status& status) const;
  // Moves the front of pending_ into a round, up to the first operation that
  // must wait for this round's commits, or the byte limit.
  Round TakeRound();
  // False, and nothing moved, when the group is full.
  bool AddCommit(CommitOp* op, Round* round);
  static bool WaitsForCommits(const Op& op, Round* round);
  absl::Status Take(const RemoveOp& remove);
  absl::Status Take(const RemoveTombstoneOp& remove);
  // Reads of values and reloads that follow each other are one each.
  void RunEarly(std::vector<Op> ops) ABSL_LOCKS_EXCLUDED(mu_);
  void ReadValues(std::vector<ReadOp>* reads) ABSL_LOCKS_EXCLUDED(mu_);
  void CountReads(const MemoryStore::Values& values, absl::Duration took)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Run(ReadOp* read) ABSL_LOCKS_EXCLUDED(mu_);  // of a reply
  void ReloadSessions(std::vector<ReloadOp>* reloads) ABSL_LOCKS_EXCLUDED(mu_);
  void Run(ReloadOp* /*reload*/) {}  // ReloadSessions
  void Run(ForgetOp* forget) { store_->Forget(forget->session); }
  void Run(RemoveOp* remove) ABSL_LOCKS_EXCLUDED(mu_);
  void Run(RemoveTombstoneOp* remove) ABSL_LOCKS_EXCLUDED(mu_);
  void Run(FlushOp* flush) ABSL_LOCKS_EXCLUDED(mu_);
  void Run(CommitOp* /*commit*/) {}  // never early
  void ApplyGroup(Round round) ABSL_LOCKS_EXCLUDED(mu_);
  void TellReleased() ABSL_LOCKS_EXCLUDED(mu_);

  MemoryStore* const store_;
  const Options options_;

  // The thread's own.
  std::deque<Op> pending_;  // taken from inbox_ whole
  // When to probe next; infinite while the store is up, without a doubt.
  absl::Duration probe_at_ = absl::InfiniteDuration();

  mutable Mutex mu_;
  std::condition_variable wake_;
  std::deque<Op> inbox_ ABSL_GUARDED_BY(mu_);
  StoreWriterStats stats_ ABSL_GUARDED_BY(mu_);
  size_t pending_size_ ABSL_GUARDED_BY(mu_) = 0;  // pending_'s, for stats()
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  OnReleased on_released_ ABSL_GUARDED_BY(mu_);

  Scrubber scrubber_;
  DirectoryThread directory_;
  std::thread thread_;  // last: starts when all else is there
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_STORE_WRITER_H_
