#include "server/session/record_call.h"

#include <utility>

#include "server/session/placement.h"

namespace mneme {

RecordCall::RecordCall(std::shared_ptr<Session> session, CursorRef cursor,
                       RecordEdit edit, InfoDone done)
    : session_(std::move(session)),
      cursor_(std::move(cursor)),
      edit_(std::move(edit)),
      done_(std::move(done)) {}

void RecordCall::Refuse(const absl::Status& status) {
  std::move(done_)(status);
}

void RecordCall::Start() {
  const absl::Status wanted = session_->CheckWanted(*cursor_);
  if (!wanted.ok()) return Finish(wanted);
  absl::StatusOr<RecordChange> change = edit_(*session_);
  if (!change.ok()) return Finish(change.status());
  if (!change->commit) {
    return OnCommitted(absl::OkStatus(), *std::move(change));
  }
  session_->Stamp(&change->record);
  Commit commit = session_->MakeCommit(change->record);
  commit.sync = true;
  session_->context().writer->Submit(
      std::move(commit),
      [self = shared_from_this(),
       change = *std::move(change)](const absl::Status& status) mutable {
        self->OnCommitted(status, std::move(change));
      });
}

void RecordCall::OnCommitted(const absl::Status& status, RecordChange change) {
  if (!status.ok()) session_->Doubt();
  if (absl::IsAborted(status)) {
    return Finish(VersionConflict(session_->head(), status.message()));
  }
  if (!status.ok()) return Finish(status);
  if (change.commit) session_->Replace(std::move(change.record));
  if (change.drop_tail) session_->SetTail({});
  Finish(status);
}

void RecordCall::Finish(const absl::Status& status) {
  if (status.ok()) {
    std::move(done_)(session_->Info());
  } else {
    std::move(done_)(status);
  }
  session_->RunNext();
}

}  // namespace mneme
