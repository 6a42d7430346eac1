#include "server/session/session_maker.h"

#include <utility>

#include "server/base/error_info.h"

namespace mneme {
namespace {

constexpr int kTries = 4;

// Whether what came of reacquiring a session shows that there is one.
bool IsThere(const absl::Status& status) {
  return status.ok() || GetErrorInfo(status).reason == "NOT_OWNER";
}

}  // namespace

void SessionMaker::Make(std::shared_ptr<Session> session, With with,
                        Done done) {
  Add(std::move(session), std::move(with), std::move(done), kTries);
}

void SessionMaker::Add(std::shared_ptr<Session> session, With with, Done done,
                       int tries) {
  const absl::Status added = table_->Add(session);
  if (added.ok()) {
    return MakeStored(std::move(session), std::move(with), std::move(done));
  }
  if (tries > 0 && GetErrorInfo(added).reason == "QUOTA_SESSIONS") {
    return make_room_([this, session = std::move(session),
                       with = std::move(with), done = std::move(done), added,
                       tries](bool made) mutable {
      if (!made) return std::move(done)(added);
      Add(std::move(session), std::move(with), std::move(done), tries - 1);
    });
  }
  if (absl::IsAlreadyExists(added)) {
    const auto other = table_->Find(session->key());
    if (other.ok() && !(*other)->is_held()) {
      return MakeAfter(*other, std::move(session), std::move(with),
                       std::move(done));
    }
  }
  std::move(done)(added);
}

void SessionMaker::MakeAfter(const std::shared_ptr<Session>& other,
                             std::shared_ptr<Session> session, With with,
                             Done done) {
  Session::Reacquire(
      other, MemoryStore::IfHeld::kLeave,
      [this, other, session = std::move(session), with = std::move(with),
       done = std::move(done)](const absl::Status& reacquired) mutable {
        // If there is none any more, it left the table.
        const absl::Status added = table_->Add(session);
        if (!added.ok()) {
          return std::move(done)(IsThere(reacquired) ? added : reacquired);
        }
        MakeStored(std::move(session), std::move(with), std::move(done));
      });
}

void SessionMaker::MakeStored(std::shared_ptr<Session> session, With with,
                              Done done) {
  Commit commit = session->MakeFirstCommit();
  commit.values = std::move(with.values);
  commit.parent = std::move(with.parent);
  context_->writer->Submit(
      std::move(commit),
      [this, session = std::move(session),
       done = std::move(done)](const absl::Status& status) mutable {
        OnCommitted(session, status);
        std::move(done)(status);
      });
}

void SessionMaker::OnCommitted(const std::shared_ptr<Session>& session,
                               const absl::Status& status) {
  if (!status.ok() && !absl::IsUnavailable(status)) {
    table_->Drop(*session);
    return;
  }
  if (!status.ok()) session->Doubt();
  session->MarkOpen();
}

}  // namespace mneme
