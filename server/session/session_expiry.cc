// The part of SessionManager that ends sessions whose time is over.

#include <utility>

#include "server/session/session_manager.h"

namespace mneme {
namespace {

// After a store that failed: not tried again before.
constexpr absl::Duration kRetry = absl::Seconds(1);

}  // namespace

void SessionManager::SetExpiry(const SessionKey& key) {
  const absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  if (session.ok()) expiry_.Set(key, (*session)->EndOfLife().at);
}

void SessionManager::OnDue(const SessionKey& key) {
  ForgetTombstones(table_.PruneTombstones(context_.clock->Wall()));
  const absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  // What a drain finds expires when the server starts again.
  if (!session.ok() || table_.draining()) return;
  Expire(*session);
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
          const std::optional<SessionKey> replaced = table_.Bury(tombstone);
          if (replaced.has_value()) ForgetTombstones({*replaced});
          context_.observer->OnSessionEnd(tombstone.reason);
          events_.Publish(tombstone);
        } else {
          session->Reopen();
          expiry_.Set(tombstone.key, context_.clock->Monotonic() + kRetry);
        }
        EndExpiry();
      });
}

void SessionManager::ForgetTombstones(const std::vector<SessionKey>& keys) {
  for (const SessionKey& key : keys) {
    // One that stays in the store is pruned after the next start.
    context_.writer->RemoveTombstone(key, [](const absl::Status&) {});
  }
}

}  // namespace mneme
