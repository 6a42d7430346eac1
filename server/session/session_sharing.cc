// The part of SessionManager that knows of sessions which are not here: other
// servers have them, or none.

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"
#include "server/session/session_manager.h"
#include "server/session/session_recovery.h"

namespace mneme {
namespace {

constexpr absl::Duration kLookInterval = absl::Seconds(1);
constexpr absl::Duration kLookPause =
    absl::Milliseconds(50);  // if there is more
constexpr size_t kLookAtOnce = 256;
// A session that never ends by itself is looked at all the same.
constexpr absl::Duration kMostDelay = absl::Hours(24);
// One that cannot be read just now, so that others have their turn.
constexpr absl::Duration kUnreadDelay = absl::Seconds(10);
constexpr size_t kMostToEnd = 64;
// Each takes some round trips, and whoever looks for a session waits.
constexpr size_t kMostForgotten = 16;

// What there is to say of a session without a record.
absl::Status NoRecord(const SessionKey& key, const std::string& tombstone) {
  const auto gone = DecodeTombstone(tombstone);
  return gone.ok() ? GoneError(*gone) : UnknownSession(key);
}

void SortById(std::vector<SessionInfo>* sessions) {
  std::sort(
      sessions->begin(), sessions->end(),
      [](const SessionInfo& a, const SessionInfo& b) { return a.key < b.key; });
}

// One page of two, each of which has every session up to its `next`.
SessionManager::Page Merge(SessionManager::Page a, SessionManager::Page b) {
  SessionManager::Page page;
  page.next = a.next.empty()   ? b.next
              : b.next.empty() ? a.next
                               : std::min(a.next, b.next);
  for (auto* part : {&a.sessions, &b.sessions}) {
    for (SessionInfo& info : *part) {
      if (!page.next.empty() && info.key.session_id > page.next) continue;
      page.sessions.push_back(std::move(info));
    }
  }
  SortById(&page.sessions);
  // One that is in memory here may have the id of one that is shared.
  const auto twins =
      std::unique(page.sessions.begin(), page.sessions.end(),
                  [](const auto& x, const auto& y) { return x.key == y.key; });
  page.sessions.erase(twins, page.sessions.end());
  return page;
}

}  // namespace

void SessionManager::Find(const SessionKey& key, Found found) {
  absl::StatusOr<std::shared_ptr<Session>> here = table_.Find(key);
  const bool elsewhere =
      absl::IsNotFound(here.status()) && context_.writer->shares_store();
  if (!elsewhere) return std::move(found)(std::move(here));
  admission_.Begin();
  context_.writer->Ask([this, key, found = std::move(found)](
                           SharedDirectory* directory) mutable {
    const auto entry = directory->LookAt(key);
    entry.ok() ? std::move(found)(Adopt(key, *entry))
               : std::move(found)(entry.status());
    admission_.End();
  });
}

void SessionManager::FindUsable(const SessionKey& key, Found found) {
  Find(key, [found = std::move(found)](
                absl::StatusOr<std::shared_ptr<Session>> session) mutable {
    if (session.ok() && !(*session)->unusable().ok()) {
      return std::move(found)((*session)->unusable());
    }
    std::move(found)(std::move(session));
  });
}

absl::StatusOr<std::shared_ptr<Session>> SessionManager::Adopt(
    const SessionKey& key, const SharedDirectory::Entry& entry) {
  RETURN_IF_ERROR(entry.record.status());
  if (!entry.record->has_value()) return NoRecord(key, entry.tombstone);
  ASSIGN_OR_RETURN(auto session,
                   RecoverSession(&context_, models_, **entry.record));
  session->Doubt();  // it is not ours yet
  auto known = table_.FindOrAdd(session);
  if (absl::IsResourceExhausted(known.status()) && LetGoOfOne()) {
    known = table_.FindOrAdd(session);
  }
  RETURN_IF_ERROR(known.status());
  if (!(*known)->is_open()) return MovedError("the session is being made");
  SetExpiry(key);
  return known;
}

absl::StatusOr<SessionInfo> SessionManager::InfoOf(
    const SessionKey& key, const SharedDirectory::Entry& entry) const {
  const auto here = table_.Find(key);
  if (here.ok() && (*here)->is_held()) return (*here)->Info();
  RETURN_IF_ERROR(entry.record.status());
  if (!entry.record->has_value()) return NoRecord(key, entry.tombstone);
  ASSIGN_OR_RETURN(const auto session,
                   RecoverSession(&context_, models_, **entry.record));
  SessionInfo info = session->Info();
  // Of the others this server does not know.
  if (!entry.durable) info.durable = info.retained.front();
  return info;
}

absl::StatusOr<SessionInfo> SessionManager::Get(const SessionKey& key) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, table_.Find(key));
  return session->Info();
}

void SessionManager::Get(const SessionKey& key, InfoDone done) {
  const auto here = table_.Find(key);
  const bool shared = context_.writer->shares_store();
  if (!here.ok() && !shared) return std::move(done)(here.status());
  // Not looked for again: where it ends just now, that would find nothing.
  if (here.ok() && (*here)->is_held()) {
    return std::move(done)((*here)->Info());
  }
  if (!shared) {
    return Session::Reacquire(
        *here, MemoryStore::IfHeld::kLeave,
        [session = *here, done = Counted(std::move(done))](
            const absl::Status& reacquired) mutable {
          reacquired.ok() ? std::move(done)(session->Info())
                          : std::move(done)(reacquired);
        });
  }
  context_.writer->Ask([this, key, done = Counted(std::move(done))](
                           SharedDirectory* directory) mutable {
    const auto entry = directory->LookAt(key);
    entry.ok() ? std::move(done)(InfoOf(key, *entry))
               : std::move(done)(entry.status());
  });
}

void SessionManager::List(ListRequest request, ListDone done) {
  if (!context_.writer->shares_store()) {
    return std::move(done)(ListHere(request));
  }
  context_.writer->Ask(
      [this, request = std::move(request),
       done = Counted(std::move(done))](SharedDirectory* directory) mutable {
        std::move(done)(ListShared(request, directory));
      });
}

SessionManager::Page SessionManager::ListHere(
    const ListRequest& request) const {
  SessionTable::Slice slice = table_.List(request);
  Page page;
  page.next = std::move(slice.next);
  for (const auto& session : slice.sessions) {
    // What is shared is in the store's list.
    if (!session->is_shared()) page.sessions.push_back(session->Info());
  }
  return page;
}

absl::StatusOr<SessionManager::Page> SessionManager::ListShared(
    const ListRequest& request, SharedDirectory* directory) const {
  ASSIGN_OR_RETURN(
      const std::vector<std::string> ids,
      directory->List(request.tenant, ListStart(request), request.limit));
  std::vector<SessionKey> keys;
  for (const std::string& id : ids) {
    if (!absl::StartsWith(id, request.prefix)) break;
    keys.push_back({request.tenant, id});
  }
  ASSIGN_OR_RETURN(const auto entries, directory->Look(keys));
  Page page;
  if (keys.size() == request.limit) page.next = ids.back();
  for (size_t i = 0; i < keys.size(); ++i) {
    absl::StatusOr<SessionInfo> info = InfoOf(keys[i], entries[i]);
    // A list that lacks some sessions would say that there are none.
    if (!info.ok() && !entries[i].was_read()) return info.status();
    if (!info.ok()) continue;  // as here: what is damaged is not listed
    if (!request.model.empty() && info->model != request.model) continue;
    page.sessions.push_back(*std::move(info));
  }
  page = Merge(std::move(page), ListHere(request));
  if (page.sessions.size() > request.limit) {
    page.sessions.resize(request.limit);
    page.next = page.sessions.back().key.session_id;
  }
  return page;
}

void SessionManager::OnReleased(const SessionKey& key) {
  const auto session = table_.Find(key);
  if (!session.ok()) return;
  (*session)->Doubt();
  context_.observer->OnReleased();
}

void SessionManager::MakeDue(const SessionKey& key, absl::Duration delay,
                             Asked then) {
  const SharedDirectory::Later later = {key, std::min(delay, kMostDelay), ""};
  context_.writer->Ask(
      [later, then = std::move(then)](SharedDirectory* directory) mutable {
        // If it fails it is looked at when it was due before.
        std::move(then)(directory->AskLater({later}));
      });
}

void SessionManager::LookAfterOthers(absl::Duration after) {
  alarms_.Set(context_.clock->Monotonic() + after, [this] {
    if (table_.draining()) return;
    admission_.Begin();
    context_.writer->Ask([this](SharedDirectory* directory) {
      LookAfterOthers(LookAfterDue(directory) ? kLookPause : kLookInterval);
      admission_.End();
    });
  });
}

bool SessionManager::LookAfterDue(SharedDirectory* directory) {
  // If the store is down others notice too, and what is due stays so.
  const auto due = directory->FindDue(kLookAtOnce);
  if (!due.ok() || due->empty()) return false;
  std::vector<SessionKey> keys;
  for (const SharedDirectory::Due& one : *due) keys.push_back(one.session);
  const auto entries = directory->Look(keys);
  if (!entries.ok()) return false;
  std::vector<SharedDirectory::Later> later;
  size_t forgotten = 0;
  for (size_t i = 0; i < keys.size(); ++i) {
    const auto delay = LookAfterOne(keys[i], (*entries)[i]);
    if (delay.has_value()) {
      later.push_back({keys[i], std::min(*delay, kMostDelay), (*due)[i].mark});
    } else {
      // Those that stay are due the next time too.
      if (++forgotten > kMostForgotten) continue;
      directory->Forget((*due)[i], (*entries)[i].tombstone).IgnoreError();
    }
  }
  return directory->AskLater(later).ok() &&
         (keys.size() == kLookAtOnce || forgotten > kMostForgotten);
}

std::optional<absl::Duration> SessionManager::LookAfterOne(
    const SessionKey& key, const SharedDirectory::Entry& entry) {
  const absl::Duration soon = context_.limits.keep_unused;
  if (!entry.was_read()) return kUnreadDelay;
  if (!entry.record.ok()) return kMostDelay;  // its owner may close it
  if (!entry.record->has_value()) {
    const auto tombstone = DecodeTombstone(entry.tombstone);
    if (!tombstone.ok()) return std::nullopt;
    const absl::Duration left = tombstone->at +
                                context_.limits.tombstones.keep -
                                context_.clock->Wall();
    if (left <= absl::ZeroDuration()) return std::nullopt;
    return left;
  }
  const auto session = RecoverSession(&context_, models_, **entry.record);
  if (!session.ok()) return kMostDelay;  // of a newer server, which looks too
  const absl::Duration left =
      (*session)->EndOfLife().at - context_.clock->Monotonic();
  if (left > absl::ZeroDuration()) return std::max(left, kLookInterval);
  // Where it is held, it is used, or ends just now.
  if (entry.held == absl::ZeroDuration()) AdoptToEnd(key, entry);
  return soon;
}

bool SessionManager::HasEnded(const SharedDirectory::Entry& entry) const {
  if (entry.held > absl::ZeroDuration()) return false;
  if (!entry.record.ok() || !entry.record->has_value()) return false;
  const auto session = RecoverSession(&context_, models_, **entry.record);
  return session.ok() &&
         (*session)->EndOfLife().at <= context_.clock->Monotonic();
}

void SessionManager::AdoptToEnd(const SessionKey& key,
                                const SharedDirectory::Entry& entry) {
  // The table must have room for those that are used.
  std::erase_if(adopted_to_end_,
                [](const auto& session) { return session.expired(); });
  if (adopted_to_end_.size() >= kMostToEnd || table_.Find(key).ok()) return;
  const auto adopted = Adopt(key, entry);
  if (!adopted.ok()) return;
  adopted_to_end_.push_back(*adopted);
  expiry_.Set(*adopted, context_.clock->Monotonic());
}

}  // namespace mneme
