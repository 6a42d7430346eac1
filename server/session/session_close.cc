// The part of SessionManager that ends sessions whose owner says so.

#include <optional>
#include <utility>

#include "server/base/error_info.h"
#include "server/session/session_manager.h"

namespace mneme {
namespace {

// The last handle of a session of which `gone` is said, if it left a tombstone.
std::optional<MemoryHandle> LastOf(const absl::Status& gone) {
  const ErrorInfo info = GetErrorInfo(gone);
  const auto last = info.metadata.find("last");
  if (last == info.metadata.end()) return std::nullopt;
  const auto handle = MemoryHandle::Parse(last->second);
  return handle.ok() ? std::make_optional(*handle) : std::nullopt;
}

}  // namespace

void SessionManager::Close(const SessionKey& key, CloseDone done) {
  End(key, /*erase=*/false, Counted(std::move(done)));
}

void SessionManager::Erase(const SessionKey& key, CloseDone done) {
  End(key, /*erase=*/true, Counted(std::move(done)));
}

void SessionManager::End(const SessionKey& key, bool erase, CloseDone done) {
  const absl::Status unreadable = table_.BeginCloseUnreadable(key);
  if (unreadable.ok()) return RemoveUnreadable(key, erase, std::move(done));
  if (!absl::IsNotFound(unreadable)) return std::move(done)(unreadable);
  Find(key, [this, key, erase, done = std::move(done)](
                const absl::StatusOr<std::shared_ptr<Session>>& found) mutable {
    EndFound(found, key, erase, std::move(done));
  });
}

void SessionManager::EndFound(
    const absl::StatusOr<std::shared_ptr<Session>>& found,
    const SessionKey& key, bool erase, CloseDone done) {
  // Only where servers share the store; the others know theirs.
  if (absl::IsDataLoss(found.status()) && context_.writer->shares_store()) {
    return RemoveUnreadable(key, erase, std::move(done));
  }
  if (!found.ok() && erase) {
    return EraseGone(key, found.status(), std::move(done));
  }
  if (!found.ok()) return std::move(done)(found.status());
  Session::Reacquire(
      *found, MemoryStore::IfHeld::kAsk,
      [this, session = *found, erase,
       done = std::move(done)](const absl::Status& reacquired) mutable {
        EndReacquired(session, reacquired, erase, std::move(done));
      });
}

void SessionManager::EndReacquired(const std::shared_ptr<Session>& session,
                                   const absl::Status& reacquired, bool erase,
                                   CloseDone done) {
  // What is damaged can be removed.
  const bool damaged = absl::IsDataLoss(reacquired);
  const bool gone =
      absl::IsNotFound(reacquired) || absl::IsFailedPrecondition(reacquired);
  if (gone && erase) {
    return EraseGone(session->key(), reacquired, std::move(done));
  }
  if (!reacquired.ok() && !damaged) return std::move(done)(reacquired);
  session->Close([this, session, damaged, erase,
                  done = std::move(done)](const absl::Status& stopped) mutable {
    if (!stopped.ok()) return std::move(done)(stopped);
    if (damaged || session->is_held()) {
      return Remove(session, erase, std::move(done));
    }
    session->Reopen();
    std::move(done)(MovedError("another server may have the session"));
  });
}

void SessionManager::Remove(const std::shared_ptr<Session>& session, bool erase,
                            CloseDone done) {
  RemoveStored(session->key(), erase,
               [this, session, erase,
                done = std::move(done)](const absl::Status& removed) mutable {
                 if (removed.ok()) {
                   expiry_.Erase(session);  // the id is still taken
                   table_.Erase(*session);
                   OnRemoved(session->head().handle, session->key(), erase,
                             std::move(done));
                 } else {
                   session->Doubt();  // it may be done, or be done yet
                   session->Reopen();
                   SetExpiry(session->key());
                   std::move(done)(removed);
                 }
               });
}

void SessionManager::RemoveUnreadable(const SessionKey& key, bool erase,
                                      CloseDone done) {
  RemoveStored(key, erase,
               [this, key, erase,
                done = std::move(done)](const absl::Status& removed) mutable {
                 table_.EndCloseUnreadable(key, removed.ok());
                 if (removed.ok()) {
                   OnRemoved(MemoryHandle{key.session_id, 0, {}}, key, erase,
                             std::move(done));
                 } else {
                   std::move(done)(removed);
                 }
               });
}

void SessionManager::RemoveStored(const SessionKey& key, bool erase,
                                  StoreWriter::Done done) {
  if (erase) {
    context_.writer->Erase(key, std::move(done));
  } else {
    context_.writer->Remove(key, /*tombstone=*/"", std::move(done));
  }
}

void SessionManager::OnRemoved(const MemoryHandle& last, const SessionKey& key,
                               bool erase, CloseDone done) {
  const SessionEvent event = {key, last, EndReason::kClosed,
                              context_.clock->Wall()};
  if (erase) {
    // Other servers are not told: what tells them is a trace.
    news_.Forget(key);
    events_.Publish(event);
    return Scrub(last, std::move(done));
  }
  news_.Publish(event, [last, done = std::move(done)]() mutable {
    std::move(done)(last);
  });
}

void SessionManager::EraseGone(const SessionKey& key, absl::Status gone,
                               CloseDone done) {
  const std::optional<MemoryHandle> last = LastOf(gone);
  if (!last.has_value() && !absl::IsNotFound(gone)) {
    return std::move(done)(std::move(gone));
  }
  news_.Forget(key);
  absl::StatusOr<MemoryHandle> answer = std::move(gone);
  if (last.has_value()) answer = *last;
  // Perhaps an Erase before this one failed halfway; on a shared store it may
  // have left the id.
  if (!answer.ok() && !context_.writer->shares_store()) {
    return Scrub(std::move(answer), std::move(done));
  }
  context_.writer->EraseTombstone(
      key, [this, key, answer = std::move(answer),
            done = std::move(done)](const absl::Status& removed) mutable {
        if (!removed.ok()) return std::move(done)(removed);
        table_.EraseTombstone(key);
        Scrub(std::move(answer), std::move(done));
      });
}

void SessionManager::Scrub(absl::StatusOr<MemoryHandle> answer,
                           CloseDone done) {
  context_.writer->Scrub([answer = std::move(answer), done = std::move(done)](
                             const absl::Status& scrubbed) mutable {
    scrubbed.ok() ? std::move(done)(std::move(answer))
                  : std::move(done)(scrubbed);
  });
}

}  // namespace mneme
