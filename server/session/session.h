#ifndef MNEME_SERVER_SESSION_SESSION_H_
#define MNEME_SERVER_SESSION_SESSION_H_

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/base/mutex.h"
#include "server/schedule/step_task.h"
#include "server/session/durable_head.h"
#include "server/session/expiry_queue.h"
#include "server/session/memory_tiers.h"
#include "server/session/placement.h"
#include "server/session/session_call.h"
#include "server/session/session_context.h"
#include "server/session/session_info.h"
#include "server/session/session_record.h"
#include "server/session/takeover.h"

namespace mneme {

// One session: where its stream stands, its newest memory, and the calls that
// wait (messages, rollbacks). Calls run one at a time in arrival order; the one
// that runs is the only one that changes the stream, so nothing is locked while
// the device or the disk works. A failed step or commit leaves the session as
// it was.
//
// Lifecycle: kOpening -> kOpen -> kClosing, and back to kOpen if the store
// could not remove what it holds of the session. Close may come in any of them.
// kOpen -> kRetired: the server knows no more of it than the store does, and
// lets it go; whoever has it still is told to look again.
//
// Where servers share the store, a session here may be another server's by now.
// It is held for a lease after each commit; a call that starts later, or after
// Doubt(), first acquires the session and takes what the store has for true.
//
// Thread-safe; nothing is called while the lock is held, but the store's
// unsynced_since(). Shared by the manager's table and by the call that runs.
class Session : public Expirable {
 public:
  // `model` is null when the server no longer has the session's model; then
  // `unusable` says so to every message.
  Session(const SessionContext* context, SequenceModel* model, SessionKey key,
          Durability durability, SessionRecord record, absl::Status unusable);

  SessionInfo Info() const ABSL_LOCKS_EXCLUDED(mu_);
  bool is_open() const ABSL_LOCKS_EXCLUDED(mu_);
  SequenceModel* model() const { return model_; }
  const SessionContext& context() const { return *context_; }
  const std::string& model_name() const ABSL_LOCKS_EXCLUDED(mu_);
  const absl::Status& unusable() const { return unusable_; }
  // See SessionRecord::trusted.
  bool trusted() const { return trusted_; }
  Root root() const ABSL_LOCKS_EXCLUDED(mu_);
  // Nobody else can have changed it.
  bool is_held() const ABSL_LOCKS_EXCLUDED(mu_);
  // Whether other servers may ever have it.
  bool is_shared() const { return lease() < absl::InfiniteDuration(); }

  // When it ends by itself, if nobody uses it before. What waits or runs uses
  // it: then its idle TTL has not begun.
  LifeEnd EndOfLife() const ABSL_LOCKS_EXCLUDED(mu_);

  // What a session has by its last use and can do without: the memory that went
  // from the tiers, and which of its values are on disk once all are. Somebody
  // has to look (LetGoUnused) let_go_after after the use, and until nothing is
  // left again and again, each time after twice as long.
  void LetGoUnused() ABSL_LOCKS_EXCLUDED(mu_);
  // After how long the next look is due; infinite: nothing is left.
  absl::Duration LookIn() const ABSL_LOCKS_EXCLUDED(mu_);
  // It was used. True: the next look is due sooner now.
  bool BeginLook() ABSL_LOCKS_EXCLUDED(mu_);

  // It was used so long ago, though nothing was written then.
  void SetUnused(absl::Duration unused) ABSL_LOCKS_EXCLUDED(mu_);

  // The store has the record: messages may come.
  void MarkOpen() ABSL_LOCKS_EXCLUDED(mu_);

  // Runs `call` now, or after those before it. RESOURCE_EXHAUSTED (QUEUE_FULL)
  // or FAILED_PRECONDITION (CLOSING): the call was not taken.
  absl::Status Enqueue(std::shared_ptr<SessionCall> call)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Stops the session: what waits is answered with CLOSING, and `stopped` is
  // called with OK when nothing runs any more. If it is closing already,
  // `stopped` is called with CLOSING at once.
  using Stopped = absl::AnyInvocable<void(const absl::Status&) &&>;
  void Close(Stopped stopped) ABSL_LOCKS_EXCLUDED(mu_);
  // The same if its end has come at `now`: then nobody uses it in between.
  // Gives when and why it ends; if that is after `now`, nothing happened.
  LifeEnd CloseIfEnded(absl::Duration now, Stopped stopped)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The same if it was not used since `before`; false: it was, or closes.
  bool CloseIfUnusedSince(absl::Duration before, Stopped stopped)
      ABSL_LOCKS_EXCLUDED(mu_);
  // Not used after `before` (Clock::Monotonic); with a tail, `tail_before`.
  struct UnusedSince {
    absl::Duration before;
    absl::Duration tail_before;
  };
  // When it was last used; nullopt: after that, or now, or it is not open.
  std::optional<absl::Duration> LastUse(const UnusedSince& unused) const
      ABSL_LOCKS_EXCLUDED(mu_);
  // What Close stopped goes on: the session could not be removed.
  void Reopen() ABSL_LOCKS_EXCLUDED(mu_);
  // False: it has no LastUse. Else no call is taken any more: UNAVAILABLE
  // (NOT_OWNER).
  bool RetireIf(const UnusedSince& unused) ABSL_LOCKS_EXCLUDED(mu_);
  // Acquires the session again unless it is held: then OK at once. No call runs
  // meanwhile; where one runs, after it, and after those that wait. Errors: the
  // takeover's, and what is wrong with the record.
  using Reacquired = absl::AnyInvocable<void(const absl::Status&) &&>;
  static void Reacquire(const std::shared_ptr<Session>& session,
                        MemoryStore::IfHeld if_held, Reacquired done)
      ABSL_LOCKS_EXCLUDED(session->mu_);

  // ---- For the call that runs ----

  // Whether somebody still wants what a call for this caller would do: not when
  // the session closes (CLOSING) or the caller is gone (CANCELLED), nor when
  // another server asked for it (UNAVAILABLE, NOT_OWNER).
  absl::Status CheckWanted(const Cursor& cursor) const ABSL_LOCKS_EXCLUDED(mu_);

  // What the record names is not in the store: UNAVAILABLE (NOT_OWNER), and in
  // doubt from now on, if another server may have let go of it.
  absl::Status CheckHeld() ABSL_LOCKS_EXCLUDED(mu_);

  absl::StatusOr<Placement> PlaceRequest(const Cursor& cursor,
                                         const SegmentRequest& request) const
      ABSL_LOCKS_EXCLUDED(mu_);
  Position head() const ABSL_LOCKS_EXCLUDED(mu_);
  // The newest value that survives what the session's durability promises, for
  // the answer to a message.
  RetainedStep AnswerDurable() ABSL_LOCKS_EXCLUDED(mu_);
  MemoryHandle Handle(const RetainedStep& step) const;

  // A task for the segment after `parent`, without its memory.
  StepTask MakeTask(const RetainedStep& parent,
                    std::vector<int32_t> tokens) const;
  bool IsRetained(const RetainedStep& step) const ABSL_LOCKS_EXCLUDED(mu_);
  // The retained value that a request's `field` names. ABORTED
  // VERSION_CONFLICT: the session has not come so far, or took other tokens.
  // FAILED_PRECONDITION NOT_RETAINED: it is gone.
  absl::StatusOr<RetainedStep> FindRetained(const MemoryHandle& handle,
                                            absl::string_view field) const
      ABSL_LOCKS_EXCLUDED(mu_);
  // The newest retained value at or before `step`, which is retained or after
  // the oldest that is.
  RetainedStep NewestRetained(uint64_t step) const ABSL_LOCKS_EXCLUDED(mu_);
  // The oldest value that a message may be placed after.
  uint64_t oldest_step() const ABSL_LOCKS_EXCLUDED(mu_);
  // What is at hand of the head's memory, which is about to be used.
  MemoryTiers::AtHand UseHeadMemory() ABSL_LOCKS_EXCLUDED(mu_);
  SessionRecord record() const ABSL_LOCKS_EXCLUDED(mu_);
  ValueKey KeyOf(const Digest& digest) const ABSL_LOCKS_EXCLUDED(mu_);

  // How many bytes of the next segment's results may be kept.
  int64_t KeptRoom() const ABSL_LOCKS_EXCLUDED(mu_);

  // A segment that was computed from the head.
  struct Computed {
    RetainedStep step;
    std::optional<uint64_t> message_start;  // see NewStep
    SharedBytes saved_memory;
    std::string kept_reply;
  };
  // What makes it the head: the change for the store, and the record after it.
  struct Change {
    Commit commit;
    SessionRecord record;
  };
  Change MakeChange(Computed computed) ABSL_LOCKS_EXCLUDED(mu_);
  // That change is acknowledged: swings the head, drops the tail.
  void Advance(SessionRecord record, MemoryRef memory, SharedBytes saved)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The same; the new head's memory is, or was, another session's head.
  void Advance(SessionRecord record, TieredMemoryRef memory)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The record is about to be written: that is a use.
  void Stamp(SessionRecord* record) const ABSL_LOCKS_EXCLUDED(mu_);
  // What takes the record in the store to `record`, which has no new value, and
  // that it is there (on disk, unless the session is kMemory). To be submitted
  // at once.
  Commit MakeCommit(const SessionRecord& record) ABSL_LOCKS_EXCLUDED(mu_);
  void Replace(SessionRecord record) ABSL_LOCKS_EXCLUDED(mu_);
  // A commit did not work, or was the last one that another server let us have,
  // so the store may be elsewhere: what it has is read before the next call
  // starts, and is taken for true.
  void Doubt() ABSL_LOCKS_EXCLUDED(mu_);
  // A session that begins with the retained value of `step`, and what makes it
  // (or a session that was opened) in the store.
  std::shared_ptr<Session> MakeFork(uint64_t step, SessionKey key)
      ABSL_LOCKS_EXCLUDED(mu_);
  Commit MakeFirstCommit() ABSL_LOCKS_EXCLUDED(mu_);
  void SetTail(std::vector<int32_t> tail) ABSL_LOCKS_EXCLUDED(mu_);

  // ---- For calls of other sessions, which take a step from this one ----

  // What the store keeps under the session's id is this session's.
  bool has_its_id() const ABSL_LOCKS_EXCLUDED(mu_);
  // The memory of `step`; nullptr when it is not the head's, or not at hand.
  TieredMemoryRef MemoryOf(const RetainedStep& step) const
      ABSL_LOCKS_EXCLUDED(mu_);

  // The running call is done: the next one runs. A call that ends before its
  // Start() returned comes here from inside Pump(), which then goes on with the
  // next: so the stack does not deepen however many such calls wait.
  void RunNext() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class State : uint8_t { kOpening, kOpen, kClosing, kRetired };

  // What waits for the call that runs.
  struct Waiting {
    std::list<std::shared_ptr<SessionCall>> calls;
    Stopped stopped;  // Close
  };

  // Infinite: the session is this server's.
  absl::Duration lease() const {
    return durability_ == Durability::kMemory ? absl::InfiniteDuration()
                                              : context_->lease;
  }
  // Starts what waits, until one runs on or nothing waits. REQUIRES: the caller
  // has set pumping_.
  void Pump() ABSL_LOCKS_EXCLUDED(mu_);
  std::optional<absl::Duration> LastUseLocked(const UnusedSince& unused) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  LifeEnd EndOfLifeLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Begins closing: gives the calls to refuse. What runs has `stopped` called
  // at its end; then that is moved from.
  absl::StatusOr<std::list<std::shared_ptr<SessionCall>>> BeginClose(
      Stopped* stopped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Starts a call, once the session is acquired again if it is not held.
  void StartCall(const std::shared_ptr<SessionCall>& call)
      ABSL_LOCKS_EXCLUDED(mu_);
  // What Reacquire does where nothing runs: it is no use of the session.
  void ReacquireIdle(MemoryStore::IfHeld if_held, Reacquired done)
      ABSL_LOCKS_EXCLUDED(mu_);
  // What the store has is true.
  absl::Status Settle(const absl::StatusOr<Takeover::Acquired>& acquired)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The same of what is on disk: `record` is the one that is true.
  void SettleDurable(bool moved, absl::Duration now, SessionRecord* record)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The call that would run next cannot, nor can those that wait behind it.
  void RefuseAll(const std::shared_ptr<SessionCall>& call,
                 const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  bool IsHeld() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Hold(absl::Duration since) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The newest commit is about to be submitted; it was acknowledged.
  void NoteAsked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void HoldSinceAsked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The call that Pump() starts next; nullptr: the pump is over.
  std::shared_ptr<SessionCall> TakeNext() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status CheckRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  size_t TailSize() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return tail_ == nullptr ? 0 : tail_->size();
  }
  StreamState ViewStream() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const SessionContext* const context_;
  // The context's. The last call may end, in RunNext(), when it was answered,
  // the manager knew of no other, and the context is gone.
  Clock* const clock_;
  SequenceModel* const model_;
  const absl::Status unusable_;

  mutable Mutex mu_;
  SessionRecord record_ ABSL_GUARDED_BY(mu_);
  DurableHead durable_ ABSL_GUARDED_BY(mu_);  // always the head unless kAsync
  // Null: there is none.
  std::unique_ptr<std::vector<int32_t>> tail_ ABSL_GUARDED_BY(mu_);
  CompactLife life_ ABSL_GUARDED_BY(mu_);
  // The head's memory; null at step 0, and where none is at hand: before a
  // recovered head is used, and once it was long not.
  TieredMemoryRef memory_ ABSL_GUARDED_BY(mu_);
  // When the newest commit was made.
  CompactDuration asked_ ABSL_GUARDED_BY(mu_);
  CompactDuration held_until_ ABSL_GUARDED_BY(mu_) = absl::InfiniteDuration();
  std::unique_ptr<Waiting> waiting_ ABSL_GUARDED_BY(mu_);  // null: nothing does

  // Together, since each alone would take eight bytes.
  const Durability durability_;
  const bool trusted_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kOpening;
  // A call was started, is not done.
  bool running_ ABSL_GUARDED_BY(mu_) = false;
  bool pumping_ ABSL_GUARDED_BY(mu_) = false;   // a thread is in Pump()
  bool in_doubt_ ABSL_GUARDED_BY(mu_) = false;  // see Doubt()
  uint8_t look_ ABSL_GUARDED_BY(mu_) = 0;       // that is due next, since use
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_H_
