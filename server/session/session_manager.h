#ifndef MNEME_SERVER_SESSION_SESSION_MANAGER_H_
#define MNEME_SERVER_SESSION_SESSION_MANAGER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/session/admission.h"
#include "server/session/alarms.h"
#include "server/session/expiry_queue.h"
#include "server/session/expiry_slots.h"
#include "server/session/export_call.h"
#include "server/session/record_call.h"
#include "server/session/segment.h"
#include "server/session/session.h"
#include "server/session/session_context.h"
#include "server/session/session_events.h"
#include "server/session/session_info.h"
#include "server/session/session_maker.h"
#include "server/session/session_table.h"
#include "server/session/shared_events.h"
#include "server/session/takeover.h"
#include "server/session/touch.h"
#include "server/store/memory_store.h"

namespace mneme {

// The sessions of a server: makes, finds, lists, closes and drains them, and
// hands each message to its session. Owns the Session objects; does not own the
// models, the scheduler or the store writer, which outlive it.
//
// Where servers share the store, sessions here are those that calls came for,
// and of them some that other servers have by now: a call that needs a session
// takes it over (takeover.h), one that asks for it reads the store. Every
// server looks after sessions whose server died, so that they end in time.
//
// Thread-safe; no call blocks (but Recover, at start-up, and WaitIdle and the
// destructor, at the end). Callbacks run exactly once, on any thread, possibly
// before the call returns, and never under a lock.
class SessionManager {
 public:
  using OpenDone = absl::AnyInvocable<void(absl::StatusOr<SessionInfo>) &&>;
  using CloseDone = absl::AnyInvocable<void(absl::StatusOr<MemoryHandle>) &&>;
  using ModelDone =
      absl::AnyInvocable<void(absl::StatusOr<const SequenceModel*>) &&>;

  struct OpenRequest {
    std::string model;  // may be empty when there is just one
    MemoryPolicy policy = MemoryPolicy::kCarry;
    Durability durability = Durability::kSync;
    // nullopt: SessionLimits::ttl's. Above 0.
    std::optional<absl::Duration> idle_ttl = std::nullopt;
    std::optional<absl::Duration> max_age = std::nullopt;
  };

  // `models` by name; `context` holds what all sessions share.
  SessionManager(SessionContext context,
                 std::map<std::string, SequenceModel*> models);
  // Ends what is left: each session finishes the segment that runs, refuses
  // the rest; waits for all of it.
  ~SessionManager();

  // Brings back the store's sessions (session_recovery.h); before any other
  // call.
  struct Recovered {
    int64_t sessions = 0;
    // Of each session whose record cannot be read, why: what every call for it
    // is answered, but Close.
    std::vector<absl::Status> unreadable;
  };
  absl::StatusOr<Recovered> Recover(MemoryStore* store);

  // INVALID_ARGUMENT (session_id), NOT_FOUND (model), ALREADY_EXISTS,
  // RESOURCE_EXHAUSTED (QUOTA_SESSIONS), UNAVAILABLE (DRAINING, STORE_DOWN).
  void Open(const SessionKey& key, const OpenRequest& request, OpenDone done);

  // As this server knows the session: another one may have it by now.
  absl::StatusOr<SessionInfo> Get(const SessionKey& key) const;
  // As it is.
  void Get(const SessionKey& key, InfoDone done);

  // List gives what is asked for (session_table.h), in id order. A page may
  // have fewer than `limit`, even none, though more follow: List passes
  // SessionLimits::list_scan sessions at most.
  struct Page {
    std::vector<SessionInfo> sessions;
    std::string next;  // the `after` of the next page; empty: the last one
  };
  using ListDone = absl::AnyInvocable<void(absl::StatusOr<Page>) &&>;
  void List(ListRequest request, ListDone done);

  // Ends a session and removes what it stored; gives the last handle, or only
  // the session's id where its record cannot be read. If the store fails, the
  // session is open again.
  void Close(const SessionKey& key, CloseDone done);
  // Close, after which no file of the store has anything of the session; also
  // of one that has ended by itself. After an error other than NOT_FOUND the
  // session may be gone, and bytes of it there: to be called again, until it is
  // OK or NOT_FOUND.
  void Erase(const SessionKey& key, CloseDone done);

  // The watcher is told what happens to those sessions, through whichever
  // server it does, once every call knows it; see shared_events.h.
  void Watch(SessionFilter filter, std::weak_ptr<SessionWatcher> watcher,
             SharedEvents::Watching done) {
    news_.Watch(std::move(filter), std::move(watcher), std::move(done));
  }

  // Takes a session back to `to`, after the messages taken before. Errors:
  // ABORTED VERSION_CONFLICT (`to` is no value that the session had, or another
  // head than `expected_head`), FAILED_PRECONDITION NOT_RETAINED; as Process.
  // A `cursor` of its own says whether the caller still waits.
  void Rollback(const SessionKey& key, const CursorRef& cursor, MemoryHandle to,
                std::optional<MemoryHandle> expected_head, InfoDone done);
  // Uses a session and changes its TTLs and pins (touch.h); the same.
  void Touch(const SessionKey& key, const CursorRef& cursor, TouchChange change,
             InfoDone done);
  // Makes the session `fork_id`, which begins with `from`, a value that the
  // session retains; without one, with its head. Gives the new session. Errors:
  // as Rollback's and Open's.
  void Fork(const SessionKey& key, const CursorRef& cursor,
            std::optional<MemoryHandle> from, const std::string& fork_id,
            InfoDone done);

  // Reads `from`, a value that the session retains; without one, its head.
  // Errors: as Fork's, and INVALID_ARGUMENT for the value of step 0.
  void Export(const SessionKey& key, const CursorRef& cursor,
              std::optional<MemoryHandle> from, ExportDone done);
  // The bytes before the value in the file that leaves.
  absl::StatusOr<std::string> FileHeader(const ExportedValue& exported) const;
  // The largest file that Import takes for the model of that name (which may be
  // empty when there is just one).
  absl::StatusOr<int64_t> LargestFile(const std::string& model) const;
  // Makes a session that begins with the value in an exported file. Errors: as
  // Open's and ParseSessionFile's, FAILED_PRECONDITION MODEL_MISMATCH.
  struct ImportRequest {
    std::string model;
    Durability durability = Durability::kSync;
    std::string file;
  };
  void Import(const SessionKey& key, const ImportRequest& request,
              InfoDone done);

  // Checks a request against the session's model and queues it. See
  // segments.proto for what comes back.
  void Process(const SessionKey& key, const CursorRef& cursor,
               SegmentRequest request, SegmentDone done);

  // nullptr: no such model. The pointers live as long as the server.
  const SequenceModel* FindModel(const std::string& name) const;
  std::vector<const SequenceModel*> models() const;
  // The model of a session, for reading its requests; errors as Get. Called
  // back at once where no other server can have the session.
  void ModelOf(const SessionKey& key, ModelDone done);

  // From now on Open is refused with DRAINING. Messages already given to
  // Process are applied, committed and answered; rpc stops reading.
  void StartDrain();
  // True when everything begun was answered, false when `deadline` (monotonic)
  // passed first.
  bool WaitIdle(absl::Duration deadline);

  struct Stats {
    int64_t sessions = 0;
    int64_t pending_requests = 0;
  };
  Stats stats() const;

 private:
  // A tail is nowhere but here: a session with one is kept so much longer.
  static constexpr int kTailKept = 60;

  // The model of that name; the only one, if the name is empty.
  absl::StatusOr<SequenceModel*> ChooseModel(const std::string& name) const;
  absl::StatusOr<SessionRecord> ReadFile(const SequenceModel& model,
                                         const std::string& file,
                                         StoredValue* value) const;
  // Makes a session with `values` beside its record.
  void Make(const SessionKey& key, SequenceModel* model, Durability durability,
            SessionRecord record, std::vector<StoredValue> values,
            InfoDone done);
  // session_sharing.cc: the session, from a store that is shared if it is not
  // here. The other part of List and of Get, and looking after sessions that no
  // server has.
  using Found =
      absl::AnyInvocable<void(absl::StatusOr<std::shared_ptr<Session>>) &&>;
  void Find(const SessionKey& key, Found found);
  void FindUsable(const SessionKey& key, Found found);
  absl::StatusOr<std::shared_ptr<Session>> Adopt(
      const SessionKey& key, const SharedDirectory::Entry& entry);
  absl::StatusOr<SessionInfo> InfoOf(const SessionKey& key,
                                     const SharedDirectory::Entry& entry) const;
  Page ListHere(const ListRequest& request) const;
  absl::StatusOr<Page> ListShared(const ListRequest& request,
                                  SharedDirectory* directory) const;
  void LookAfterOthers(absl::Duration after);
  // Whether there is more to look after.
  bool LookAfterDue(SharedDirectory* directory);
  // Nobody has it, and its time is over.
  bool HasEnded(const SharedDirectory::Entry& entry) const;
  // When to look again; nullopt: there is nothing of it.
  std::optional<absl::Duration> LookAfterOne(
      const SessionKey& key, const SharedDirectory::Entry& entry);
  // A session that has ended, though no server has it.
  void AdoptToEnd(const SessionKey& key, const SharedDirectory::Entry& entry);
  using Asked = absl::AnyInvocable<void(const absl::Status&) &&>;
  void MakeDue(const SessionKey& key, absl::Duration delay, Asked then);
  void OnReleased(const SessionKey& key);
  // session_close.cc: Close, or with `erase` Erase; then, once nothing of the
  // session runs, its removal; then, once it is removed, the scrub.
  void End(const SessionKey& key, bool erase, CloseDone done);
  void Remove(const std::shared_ptr<Session>& session, bool erase,
              CloseDone done);
  void RemoveUnreadable(const SessionKey& key, bool erase, CloseDone done);
  void EndFound(const absl::StatusOr<std::shared_ptr<Session>>& found,
                const SessionKey& key, bool erase, CloseDone done);
  void EndReacquired(const std::shared_ptr<Session>& session,
                     const absl::Status& reacquired, bool erase,
                     CloseDone done);
  void RemoveStored(const SessionKey& key, bool erase, StoreWriter::Done done);
  // One that is gone already, of which `gone` is said.
  void EraseGone(const SessionKey& key, absl::Status gone, CloseDone done);
  void OnRemoved(const MemoryHandle& last, const SessionKey& key, bool erase,
                 CloseDone done);
  void Scrub(absl::StatusOr<MemoryHandle> answer, CloseDone done);
  // session_expiry.cc: the deadline of a session has passed, which may have
  // been used since.
  void OnDue(const SessionKey& key);
  // It is another server's, which looks after it, unless the store says that
  // its time is over there too.
  void EndIfStored(const std::shared_ptr<Session>& session);
  // It is not known whether the session is this server's, or there at all.
  void Reacquire(const std::shared_ptr<Session>& session);
  void OnReacquired(const std::shared_ptr<Session>& session,
                    const absl::Status& reacquired);
  // The store has it.
  void LetGo(const Session& session);
  void Expire(const std::shared_ptr<Session>& session);
  // What has closed ends; `then` says whether the store did its part.
  using Ended = absl::AnyInvocable<void(bool) &&>;
  void Bury(const std::shared_ptr<Session>& session, EndReason reason,
            Ended then);
  void OnBuried(const Session& session, const Tombstone& tombstone);
  void EndExpiry();
  // session_eviction.cc: the table is full. Lets a session go that the store
  // has for other servers, or ends one that is not used; `then` says whether
  // there may be room.
  void MakeRoom(Ended then);
  bool LetGoOfOne();
  void Evict(const std::shared_ptr<Session>& session, absl::Duration before,
             Ended then);
  void ForgetTombstones(const std::vector<SessionKey>& keys);
  void SetExpiry(const SessionKey& key);
  void SetExpiry(const std::shared_ptr<Session>& session);
  absl::Duration NextDue(const Session& session) const;
  void ChangeRecord(const SessionKey& key, const CursorRef& cursor,
                    RecordEdit edit, InfoDone done);
  // Its next call, once those before it are done.
  void Enqueue(const std::shared_ptr<Session>& session,
               const std::shared_ptr<SessionCall>& call);
  // `done`, for which a drain waits.
  template <typename Answer>
  absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> Counted(
      absl::AnyInvocable<void(absl::StatusOr<Answer>) &&> done) {
    admission_.Begin();
    return
        [this, done = std::move(done)](absl::StatusOr<Answer> answer) mutable {
          std::move(done)(std::move(answer));
          admission_.End();
        };
  }

  SessionContext context_;
  const std::map<std::string, SequenceModel*> models_;
  SessionTable table_;
  SessionEvents events_;
  Admission admission_;
  SharedEvents news_;
  ExpirySlots expiring_;
  // Those that AdoptToEnd took. Of the directory's thread.
  std::vector<std::weak_ptr<Session>> adopted_to_end_;
  SessionMaker maker_;
  // Last: their threads use everything above.
  Takeover takeover_;
  ExpiryQueue expiry_;
  Alarms alarms_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_MANAGER_H_
