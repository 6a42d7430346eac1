#ifndef MNEME_SERVER_SESSION_FORK_CALL_H_
#define MNEME_SERVER_SESSION_FORK_CALL_H_

#include <memory>
#include <optional>

#include "server/session/handle.h"
#include "server/session/record_call.h"
#include "server/session/segment.h"
#include "server/session/session.h"
#include "server/session/session_call.h"
#include "server/session/session_maker.h"

namespace mneme {

// Makes a session that begins with a value which another one retains, of the
// same family, model, memory policy and durability. The value is shared, so it
// costs one small commit. It is the parent's call: nothing else changes the
// parent meanwhile, so what it retains stays. Owned by the callback that it
// waits for; answers exactly once, with the new session.
class ForkCall : public SessionCall,
                 public std::enable_shared_from_this<ForkCall> {
 public:
  // From the head when there is no `from`. `maker`, which outlives the call,
  // makes the new session. `cursor` says whether the caller still waits.
  ForkCall(std::shared_ptr<Session> parent, CursorRef cursor,
           std::optional<MemoryHandle> from, SessionKey fork,
           SessionMaker* maker, InfoDone done);

  void Start() override;
  void Refuse(const absl::Status& status) override;

 private:
  absl::StatusOr<std::shared_ptr<Session>> MakeFork() const;
  void OnCommitted(const absl::Status& status,
                   const std::shared_ptr<Session>& fork);
  void Finish(const absl::StatusOr<SessionInfo>& answer);

  const std::shared_ptr<Session> parent_;
  const CursorRef cursor_;
  const std::optional<MemoryHandle> from_;
  const SessionKey fork_;
  SessionMaker* const maker_;
  InfoDone done_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_FORK_CALL_H_
