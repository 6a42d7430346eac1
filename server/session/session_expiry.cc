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
  if (session.ok()) SetExpiry(*session);
}

void SessionManager::SetExpiry(const std::shared_ptr<Session>& session) {
  // Another thread may find it due sooner, and be overwritten: whoever is last
  // sees what that one saw.
  absl::Duration due;
  do {
    due = NextDue(*session);
    expiry_.Set(session, due);
  } while (NextDue(*session) < due);
}

absl::Duration SessionManager::NextDue(const Session& session) const {
  const absl::Duration now = context_.clock->Monotonic();
  // Whether it is there at all is to be found out.
  if (!session.is_shared() && !session.is_held()) return now + kRetry;
  absl::Duration due = std::min(session.EndOfLife().at, now + session.LookIn());
  if (session.is_shared()) {
    due = std::min(due, now + context_.limits.keep_unused);
  }
  return due;
}

void SessionManager::OnDue(const SessionKey& key) {
  ForgetTombstones(table_.PruneTombstones(context_.clock->Wall()));
  const absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  // What a drain finds expires when the server starts again.
  if (!session.ok() || table_.draining()) return;
  (*session)->LetGoUnused();
  const absl::Duration now = context_.clock->Monotonic();
  const bool ends = (*session)->EndOfLife().at <= now;
  const bool held = (*session)->is_held();
  if (!(*session)->is_shared()) {
    if (!held) return Reacquire(*session);
    return ends ? Expire(*session) : SetExpiry(key);
  }
  if (ends) return held ? Expire(*session) : EndIfStored(*session);
  const absl::Duration keep = context_.limits.keep_unused;
  (*session)->RetireIf({now - keep, now - kTailKept * keep}) ? LetGo(**session)
                                                             : SetExpiry(key);
}

void SessionManager::LetGo(const Session& session) {
  context_.writer->Forget(session.key());  // before anybody finds it again
  table_.Drop(session);
}

void SessionManager::EndIfStored(const std::shared_ptr<Session>& session) {
  admission_.Begin();
  context_.writer->Ask([this, session](SharedDirectory* directory) {
    const absl::Duration now = context_.clock->Monotonic();
    const auto entry = directory->LookAt(session->key());
    if (entry.ok() && HasEnded(*entry)) {
      Reacquire(session);
    } else if (entry.ok() && session->RetireIf({now, now})) {
      LetGo(*session);
    } else {
      expiry_.Set(session, now + kRetry);  // the store is down, or used
    }
    admission_.End();
  });
}

void SessionManager::Reacquire(const std::shared_ptr<Session>& session) {
  Session::Reacquire(
      session, MemoryStore::IfHeld::kLeave,
      [this, session, counted = Counted<bool>([](const absl::StatusOr<bool>&) {
                      })](const absl::Status& reacquired) mutable {
        OnReacquired(session, reacquired);
        std::move(counted)(true);
      });
}

void SessionManager::OnReacquired(const std::shared_ptr<Session>& session,
                                  const absl::Status& reacquired) {
  const absl::Duration now = context_.clock->Monotonic();
  if (reacquired.ok()) {
    const bool ends = session->EndOfLife().at <= now;
    session->BeginLook();  // it may have moved on
    return ends ? expiry_.Set(session, now) : SetExpiry(session);
  }
  // Another server has it, and looks after it, or understands it.
  if (session->is_shared() && session->RetireIf({now, now})) {
    return LetGo(*session);
  }
  expiry_.Set(session, now + kRetry);  // the store is down
}

void SessionManager::Expire(const std::shared_ptr<Session>& session) {
  expiring_.Begin();
  admission_.Begin();
  const absl::Duration now = context_.clock->Monotonic();
  const LifeEnd end =
      session->CloseIfEnded(now, [this, session](const absl::Status& stopped) {
        if (!stopped.ok()) return EndExpiry();  // its owner closes it already
        Bury(session, session->EndOfLife().reason,
             [this](bool /*ended*/) { EndExpiry(); });
      });
  if (end.at <= now) return;
  SetExpiry(session);
  EndExpiry();
}

void SessionManager::EndExpiry() {
  expiring_.End();
  admission_.End();  // last: the manager may be gone after it
}

void SessionManager::Bury(const std::shared_ptr<Session>& session,
                          EndReason reason, Ended then) {
  const Tombstone tombstone = {session->key(), session->head().handle, reason,
                               context_.clock->Wall()};
  context_.writer->Remove(
      tombstone.key, EncodeTombstone(tombstone),
      [this, session, tombstone,
       then = std::move(then)](const absl::Status& removed) mutable {
        if (removed.ok()) {
          OnBuried(*session, tombstone);
          context_.observer->OnSessionEnd(tombstone.reason);
          return news_.Publish(
              {tombstone.key, tombstone.last, tombstone.reason, tombstone.at},
              [then = std::move(then)]() mutable { std::move(then)(true); });
        }
        session->Doubt();  // it may be done, or be done yet
        session->Reopen();
        expiry_.Set(session, context_.clock->Monotonic() + kRetry);
        std::move(then)(false);
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
  MakeDue(tombstone.key, context_.limits.tombstones.keep,
          [](const absl::Status& /*asked*/) {});
}

void SessionManager::ForgetTombstones(const std::vector<SessionKey>& keys) {
  for (const SessionKey& key : keys) {
    // One that stays in the store is pruned after the next start.
    context_.writer->RemoveTombstone(key, [](const absl::Status&) {});
  }
}

}  // namespace mneme
