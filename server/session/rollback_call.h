#ifndef MNEME_SERVER_SESSION_ROLLBACK_CALL_H_
#define MNEME_SERVER_SESSION_ROLLBACK_CALL_H_

#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/session/handle.h"
#include "server/session/segment.h"
#include "server/session/session.h"
#include "server/session/session_call.h"
#include "server/session/session_info.h"

namespace mneme {

using RollbackDone = absl::AnyInvocable<void(absl::StatusOr<SessionInfo>) &&>;

// Takes a session back to a value that it retains: one commit, which makes that
// value the head and forgets what came after it. Costs no step and moves no
// memory. Owned by the callback that it waits for; answers exactly once.
class RollbackCall : public SessionCall,
                     public std::enable_shared_from_this<RollbackCall> {
 public:
  // `cursor` says whether the caller still waits. `expected_head`, if there is
  // one, must be the head, unless the session is at `to` already.
  RollbackCall(std::shared_ptr<Session> session, CursorRef cursor,
               MemoryHandle to, std::optional<MemoryHandle> expected_head,
               RollbackDone done);

  void Start() override;
  void Refuse(const absl::Status& status) override;

 private:
  absl::Status Check(const Position& head) const;
  absl::Status CheckRetained(const Position& head) const;
  void OnCommitted(const absl::Status& status, SessionRecord record);
  void Finish(const absl::Status& status);

  const std::shared_ptr<Session> session_;
  const CursorRef cursor_;
  const MemoryHandle to_;
  const std::optional<MemoryHandle> expected_head_;
  RollbackDone done_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_ROLLBACK_CALL_H_
