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
  const absl::Duration now = context_.clock->Monotonic();
  absl::Duration due = (*session)->EndOfLife().at;
  if ((*session)->is_shared()) {
    due = std::min(due, now + context_.limits.keep_unused);
  }
  // Whether it is there at all is to be found out.
  if (!(*session)->is_shared() && !(*session)->is_held()) due = now + kRetry;
  expiry_.Set(key, due);
}

void SessionManager::OnDue(const SessionKey& key) {
  ForgetTombstones(table_.PruneTombstones(context_.clock->Wall()));
  const absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  // What a drain finds expires when the server starts again.
  if (!session.ok() || table_.draining()) return;
  const absl::Duration now = context_.clock->Monotonic();
  const bool ends = (*session)->EndOfLife().at <= now;
  if (!(*session)->is_held() && (ends || !(*session)->is_shared())) {
    return Reacquire(*session);
  }
  if (ends) return Expire(*session);
  const absl::Duration unused = now - context_.limits.keep_unused;
  if (!(*session)->is_shared() || !(*session)->RetireUnusedSince(unused)) {
    return SetExpiry(key);
  }
  LetGo(**session);
}

void SessionManager::LetGo(const Session& session) {
  context_.writer->Forget(session.key());  // before anybody finds it again
  table_.Drop(session);
}

void SessionManager::Reacquire(const std::shared_ptr<Session>& session) {
  session->Reacquire(
      MemoryStore::IfHeld::kLeave,
      [this, session, counted = Counted<bool>([](const absl::StatusOr<bool>&) {
                      })](const absl::Status& reacquired) mutable {
        OnReacquired(session, reacquired);
        std::move(counted)(true);
      });
}

void SessionManager::OnReacquired(const std::shared_ptr<Session>& session,
                                  const absl::Status& reacquired) {
  const absl::Duration now = context_.clock->Monotonic();
  const bool mine = reacquired.ok() && session->is_held();
  // Another server has it, and looks after it, or understands it.
  if (!reacquired.ok() && session->is_shared() &&
      session->RetireUnusedSince(now)) {
    return LetGo(*session);
  }
  // It is used, or the store is down.
  expiry_.Set(session->key(), mine ? session->EndOfLife().at : now + kRetry);
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
  LetGo(session);
  MakeDue(tombstone.key, context_.limits.tombstones.keep, [] {});
}

void SessionManager::ForgetTombstones(const std::vector<SessionKey>& keys) {
  for (const SessionKey& key : keys) {
    // One that stays in the store is pruned after the next start.
    context_.writer->RemoveTombstone(key, [](const absl::Status&) {});
  }
}

}  // namespace mneme
