#ifndef MNEME_SERVER_SESSION_SESSION_MAKER_H_
#define MNEME_SERVER_SESSION_SESSION_MAKER_H_

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/session/session.h"
#include "server/session/session_context.h"
#include "server/session/session_table.h"
#include "server/store/memory_store.h"

namespace mneme {

// Makes sessions: first the table, so that the id is taken, then the store. A
// session cannot be told apart from none until the store has it. If nobody
// knows whether the store has it (UNAVAILABLE), it is there, in doubt: then the
// next call finds out, also one that makes a session of that id.
//
// Thread-safe; `done` is called exactly once, on any thread, with no lock held.
class SessionMaker {
 public:
  using Done = absl::AnyInvocable<void(const absl::Status&) &&>;

  // Called where the table is full: calls back once it is known whether there
  // may be room now.
  using MakeRoom = std::function<void(absl::AnyInvocable<void(bool) &&>)>;

  // Neither is owned; both outlive this.
  SessionMaker(const SessionContext* context, SessionTable* table,
               MakeRoom make_room)
      : context_(context), table_(table), make_room_(std::move(make_room)) {}

  // What goes to the store with the record; see Commit.
  struct With {
    std::vector<StoredValue> values;
    std::optional<SessionKey> parent;
  };
  // Errors: SessionTable::Add's, and what the store says to the commit.
  void Make(std::shared_ptr<Session> session, With with, Done done);

 private:
  // Makes room in the table so many times, if it has to: others may be faster
  // to take it.
  void Add(std::shared_ptr<Session> session, With with, Done done, int tries);
  // The table has one of its key, of which the store may have none any more.
  void MakeAfter(const std::shared_ptr<Session>& other,
                 std::shared_ptr<Session> session, With with, Done done);
  void MakeStored(std::shared_ptr<Session> session, With with, Done done);
  void OnCommitted(const std::shared_ptr<Session>& session,
                   const absl::Status& status);

  const SessionContext* const context_;
  SessionTable* const table_;
  const MakeRoom make_room_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_SESSION_MAKER_H_
