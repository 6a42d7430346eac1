#include "server/session/fork_call.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/session/placement.h"

namespace mneme {

ForkCall::ForkCall(std::shared_ptr<Session> parent, CursorRef cursor,
                   std::optional<MemoryHandle> from, SessionKey fork,
                   SessionMaker* maker, InfoDone done)
    : parent_(std::move(parent)),
      cursor_(std::move(cursor)),
      from_(std::move(from)),
      fork_(std::move(fork)),
      maker_(maker),
      done_(std::move(done)) {}

void ForkCall::Refuse(const absl::Status& status) { std::move(done_)(status); }

void ForkCall::Start() {
  const absl::Status wanted = parent_->CheckWanted(*cursor_);
  if (!wanted.ok()) return Finish(wanted);
  const absl::StatusOr<std::shared_ptr<Session>> fork = MakeFork();
  if (!fork.ok()) return Finish(fork.status());
  SessionMaker::With with;
  // The initial memory is the model's: there is nothing to share.
  if ((*fork)->head().handle.step > 0) with.parent = parent_->key();
  maker_->Make(
      *fork, std::move(with),
      [self = shared_from_this(), fork = *fork](const absl::Status& status) {
        self->OnCommitted(status, fork);
      });
}

absl::StatusOr<std::shared_ptr<Session>> ForkCall::MakeFork() const {
  ASSIGN_OR_RETURN(
      const RetainedStep value,
      parent_->FindRetained(from_.value_or(parent_->head().handle), "from"));
  return parent_->MakeFork(value.step, fork_);
}

void ForkCall::OnCommitted(const absl::Status& status,
                           const std::shared_ptr<Session>& fork) {
  if (status.ok()) return Finish(fork->Info());
  Finish(absl::IsAborted(status)
             ? VersionConflict(parent_->head(), status.message())
             : status);
}

void ForkCall::Finish(const absl::StatusOr<SessionInfo>& answer) {
  std::move(done_)(answer);
  parent_->RunNext();
}

}  // namespace mneme
