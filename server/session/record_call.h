#ifndef MNEME_SERVER_SESSION_RECORD_CALL_H_
#define MNEME_SERVER_SESSION_RECORD_CALL_H_

#include <memory>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/session/segment.h"
#include "server/session/session.h"
#include "server/session/session_call.h"
#include "server/session/session_info.h"

namespace mneme {

using InfoDone = absl::AnyInvocable<void(absl::StatusOr<SessionInfo>) &&>;

// What a call makes of a session's record.
struct RecordChange {
  SessionRecord record;
  bool commit = true;      // false: nothing is changed in the store
  bool drop_tail = false;  // even if the head stays
};
// Looks at the session as it is when the call's turn has come.
using RecordEdit =
    absl::AnyInvocable<absl::StatusOr<RecordChange>(const Session&)>;

// Changes what a session's record says, but for its segments: one commit, no
// step. Owned by the callback that it waits for; answers exactly once.
class RecordCall : public SessionCall,
                   public std::enable_shared_from_this<RecordCall> {
 public:
  // `cursor` says whether the caller still waits.
  RecordCall(std::shared_ptr<Session> session, CursorRef cursor,
             RecordEdit edit, InfoDone done);

  void Start() override;
  void Refuse(const absl::Status& status) override;

 private:
  void OnCommitted(const absl::Status& status, RecordChange change);
  void Finish(const absl::Status& status);

  const std::shared_ptr<Session> session_;
  const CursorRef cursor_;
  RecordEdit edit_;
  InfoDone done_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_RECORD_CALL_H_
