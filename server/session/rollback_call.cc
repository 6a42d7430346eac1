#include "server/session/rollback_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"

namespace mneme {

RollbackCall::RollbackCall(std::shared_ptr<Session> session, CursorRef cursor,
                           MemoryHandle to,
                           std::optional<MemoryHandle> expected_head,
                           RollbackDone done)
    : session_(std::move(session)),
      cursor_(std::move(cursor)),
      to_(std::move(to)),
      expected_head_(std::move(expected_head)),
      done_(std::move(done)) {}

void RollbackCall::Refuse(const absl::Status& status) {
  std::move(done_)(status);
}

void RollbackCall::Start() {
  const Position head = session_->head();
  const absl::Status status = Check(head);
  if (!status.ok()) return Finish(status);
  if (head.handle == to_) {
    session_->SetTail({});
    return Finish(absl::OkStatus());
  }
  Session::Change change = session_->MakeRollback(to_.step);
  session_->context().writer->Submit(
      std::move(change.commit),
      [self = shared_from_this(), record = std::move(change.record)](
          const absl::Status& committed) mutable {
        self->OnCommitted(committed, std::move(record));
      });
}

absl::Status RollbackCall::Check(const Position& head) const {
  RETURN_IF_ERROR(session_->CheckWanted(*cursor_));
  const bool as_expected =
      !expected_head_.has_value() || *expected_head_ == head.handle;
  // A retry: it happened, and nothing since.
  const bool done = head.handle == to_ && head.tail == 0;
  if (!as_expected && !done) {
    return VersionConflict(head, "expected_head: it is not the head any more");
  }
  return CheckRetained(head);
}

absl::Status RollbackCall::CheckRetained(const Position& head) const {
  if (to_.step > head.handle.step) {
    return VersionConflict(head, "to: the session has not come so far");
  }
  if (session_->IsRetained({to_.step, to_.digest})) return absl::OkStatus();
  const bool other = to_.step >= session_->oldest_step() &&
                     session_->NewestRetained(to_.step).step == to_.step;
  if (other) return VersionConflict(head, "to: the session took other tokens");
  return MakeError(absl::StatusCode::kFailedPrecondition, "NOT_RETAINED",
                   absl::StrCat("to: the value of step ", to_.step,
                                " is not retained; Sessions.Get lists those "
                                "that are"));
}

void RollbackCall::OnCommitted(const absl::Status& status,
                               SessionRecord record) {
  if (absl::IsAborted(status)) {
    return Finish(VersionConflict(session_->head(), status.message()));
  }
  if (status.ok()) session_->RollBack(std::move(record));
  Finish(status);
}

void RollbackCall::Finish(const absl::Status& status) {
  if (status.ok()) {
    std::move(done_)(session_->Info());
  } else {
    std::move(done_)(status);
  }
  session_->RunNext();
}

}  // namespace mneme
