// The part of SessionManager that ends sessions whose time is over.

#include <algorithm>
#include <utility>

#include "server/session/session_manager.h"

namespace mneme {
namespace {

// After a store that failed: not tried again before.
constexpr absl::Duration kRetry = absl::Seconds(1);

}  // namespace

void SessionManager::SetExpiry(const SessionKey& key) {
  const absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  if (!session.ok()) return;
  absl::Duration due = (*session)->EndOfLife().at;
  if ((*session)->is_shared()) {
    due = std::min(due,
                   context_.clock->Monotonic() + context_.limits.keep_unused);
  }
  expiry_.Set(key, due);
}

void SessionManager::OnTouched(const SessionKey& key) {
  SetExpiry(key);
  const absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  if (!session.ok() || !(*session)->is_shared()) return;
  MakeDue(key, (*session)->EndOfLife().at - context_.clock->Monotonic());
}

void SessionManager::OnDue(const SessionKey& key) {
  ForgetTombstones(table_.PruneTombstones(context_.clock->Wall()));
  const absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  // What a drain finds expires when the server starts again.
  if (!session.ok() || table_.draining()) return;
  (*session)->is_shared() ? OnSharedDue(*session) : Expire(*session);
}

void SessionManager::OnSharedDue(const std::shared_ptr<Session>& session) {
  const SessionKey& key = session->key();
  const absl::Duration now = context_.clock->Monotonic();
  const absl::Duration left = session->EndOfLife().at - now;
  if (left <= absl::ZeroDuration()) {
    if (session->is_held()) return Expire(session);
    return Reacquire(session);
  }
  if (!session->RetireUnusedSince(now - context_.limits.keep_unused)) {
    return SetExpiry(key);
  }
  table_.Drop(*session);
}

void SessionManager::Reacquire(const std::shared_ptr<Session>& session) {
  admission_.Begin();
  takeover_.TryAcquire(
      *session, [this, session](const absl::StatusOr<Reacquired>& reacquired) {
        const absl::Duration now = context_.clock->Monotonic();
        const SessionKey& key = session->key();
        if (reacquired.ok()) {
          session->Refresh(*reacquired);
          expiry_.Set(key, session->EndOfLife().at);
        } else if (session->RetireUnusedSince(now)) {
          // Another server has it, and looks after it; or it is gone; or
          // whoever finds it due tries again.
          table_.Drop(*session);
        } else {
          expiry_.Set(key, now + kRetry);
        }
        admission_.End();
      });
}

void SessionManager::Expire(const std::shared_ptr<Session>& session) {
  expiring_.Begin();
  admission_.Begin();
  const absl::Duration now = context_.clock->Monotonic();
  const LifeEnd end =
      session->CloseIfEnded(now, [this, session](const absl::Status& stopped) {
        if (stopped.ok()) return Bury(session);
        EndExpiry();  // its owner closes it already
      });
  if (end.at <= now) return;
  expiry_.Set(session->key(), end.at);
  EndExpiry();
}

void SessionManager::EndExpiry() {
  expiring_.End();
  admission_.End();  // last: the manager may be gone after it
}

void SessionManager::Bury(const std::shared_ptr<Session>& session) {
  Tombstone tombstone;
  tombstone.key = session->key();
  tombstone.last = session->head().handle;
  tombstone.reason = session->EndOfLife().reason;
  tombstone.at = context_.clock->Wall();
  context_.writer->Remove(
      tombstone.key, EncodeTombstone(tombstone),
      [this, session, tombstone](const absl::Status& removed) {
        if (removed.ok()) {
          OnBuried(*session, tombstone);
          context_.observer->OnSessionEnd(tombstone.reason);
          events_.Publish(tombstone);
        } else {
          session->Reopen();
          expiry_.Set(tombstone.key, context_.clock->Monotonic() + kRetry);
        }
        EndExpiry();
      });
}

void SessionManager::OnBuried(const Session& session,
                              const Tombstone& tombstone) {
  if (!session.is_shared()) {
    const std::optional<SessionKey> replaced = table_.Bury(tombstone);
    if (replaced.has_value()) ForgetTombstones({*replaced});
    return;
  }
  table_.Drop(session);
  MakeDue(tombstone.key, context_.limits.tombstones.keep);
}

void SessionManager::ForgetTombstones(const std::vector<SessionKey>& keys) {
  for (const SessionKey& key : keys) {
    // One that stays in the store is pruned after the next start.
    context_.writer->RemoveTombstone(key, [](const absl::Status&) {});
  }
}

}  // namespace mneme
