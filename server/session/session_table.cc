#include "server/session/session_table.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr int kLookedAt = 64;

absl::Status RetryLater(absl::StatusCode code, absl::string_view reason,
                        absl::string_view message) {
  ErrorInfo info;
  info.reason = std::string(reason);
  info.retry_after = absl::Seconds(1);
  return MakeError(code, message, info);
}

}  // namespace

std::string ListStart(const ListRequest& request) {
  // Comes after all that is less than the prefix: ids have no such character.
  std::string start = request.prefix;
  if (!start.empty()) {
    --start.back();
    start += '\x7f';
  }
  return std::max(start, request.after);
}

absl::Status UnknownSession(const SessionKey& key) {
  return absl::NotFoundError(
      absl::StrCat("session_id: there is no session ", Quoted(key.session_id)));
}

void SessionTable::Fill(RecoveredSessions recovered) {
  MutexLock lock(&mu_);
  sessions_ = std::move(recovered.sessions);
  for (auto& [key, why] : recovered.unreadable) {
    unreadable_[key] = {std::move(why)};
  }
  for (const Tombstone& tombstone : recovered.tombstones) {
    tombstones_.Add(tombstone);
  }
}

absl::Status SessionTable::Add(std::shared_ptr<Session> session) {
  MutexLock lock(&mu_);
  if (draining_) {
    return RetryLater(absl::StatusCode::kUnavailable, "DRAINING",
                      "the server is shutting down");
  }
  return Insert(std::move(session));
}

absl::StatusOr<std::shared_ptr<Session>> SessionTable::FindOrAdd(
    std::shared_ptr<Session> session) {
  MutexLock lock(&mu_);
  const auto it = sessions_.find(session->key());
  if (it != sessions_.end()) return *it;
  RETURN_IF_ERROR(Insert(session));
  return session;
}

bool SessionTable::Drop(const Session& session) {
  std::shared_ptr<Session> gone;  // let go after the lock
  MutexLock lock(&mu_);
  const auto it = sessions_.find(session.key());
  if (it == sessions_.end() || it->get() != &session) return false;
  gone = TakeOut(session.key());
  return true;
}

absl::Status SessionTable::Insert(std::shared_ptr<Session> session) {
  const SessionKey& key = session->key();
  if (sessions_.contains(key) || unreadable_.contains(key)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "session_id: there is a session ", Quoted(key.session_id), " already"));
  }
  if (static_cast<int64_t>(sessions_.size()) >= limits_.sessions) {
    return RetryLater(absl::StatusCode::kResourceExhausted, "QUOTA_SESSIONS",
                      absl::StrCat("the server holds ", sessions_.size(),
                                   " sessions, its limit"));
  }
  sessions_.insert(std::move(session));
  return absl::OkStatus();
}

std::shared_ptr<Session> SessionTable::TakeOut(const SessionKey& key) {
  const auto it = sessions_.find(key);
  if (it == sessions_.end()) return nullptr;
  std::shared_ptr<Session> gone = *it;
  sessions_.erase(it);
  return gone;
}

std::optional<SessionKey> SessionTable::Bury(const Tombstone& tombstone) {
  std::shared_ptr<Session> gone;  // let go after the lock
  MutexLock lock(&mu_);
  gone = TakeOut(tombstone.key);
  return tombstones_.Add(tombstone);
}

std::vector<SessionKey> SessionTable::PruneTombstones(absl::Time now) {
  return tombstones_.Prune(now);
}

void SessionTable::Erase(const Session& session) {
  if (Drop(session)) tombstones_.Erase(session.key());
}

absl::StatusOr<std::shared_ptr<Session>> SessionTable::Find(
    const SessionKey& key) const {
  MutexLock lock(&mu_);
  const auto unreadable = unreadable_.find(key);
  if (unreadable != unreadable_.end()) return unreadable->second.why;
  const auto it = sessions_.find(key);
  if (it != sessions_.end() && (*it)->is_open()) return *it;
  const std::optional<Tombstone> tombstone = tombstones_.Find(key);
  return tombstone.has_value() ? GoneError(*tombstone) : UnknownSession(key);
}

std::vector<std::shared_ptr<Session>> SessionTable::All() const {
  MutexLock lock(&mu_);
  return {sessions_.begin(), sessions_.end()};
}

std::shared_ptr<Session> SessionTable::FindUnused(bool shared,
                                                  Session::UnusedSince unused) {
  std::shared_ptr<Session> found;
  MutexLock lock(&mu_);
  SessionKey& looked_at = looked_at_.at(shared ? 1 : 0);
  auto it = sessions_.upper_bound(looked_at);
  for (int i = 0; i < kLookedAt && !sessions_.empty(); ++i, ++it) {
    if (it == sessions_.end()) it = sessions_.begin();
    if ((*it)->is_shared() != shared) continue;
    if (!shared && !(*it)->is_held()) continue;  // is it there at all?
    const std::optional<absl::Duration> last_use = (*it)->LastUse(unused);
    if (!last_use.has_value()) continue;
    unused.before = std::min(unused.before, *last_use);
    unused.tail_before = std::min(unused.tail_before, *last_use);
    found = *it;
  }
  if (!sessions_.empty()) looked_at = (*std::prev(it))->key();
  return found;
}

SessionTable::Slice SessionTable::List(const ListRequest& request) const {
  Slice slice;
  int64_t left = limits_.list_scan;
  const std::string after = ListStart(request);
  const std::string* passed = &after;
  const auto is_wanted = [&request](const SessionKey& key) {
    return key.tenant == request.tenant &&
           absl::StartsWith(key.session_id, request.prefix);
  };
  MutexLock lock(&mu_);
  auto it = sessions_.upper_bound(SessionKey{request.tenant, after});
  for (; it != sessions_.end() && is_wanted((*it)->key()); ++it) {
    if (slice.sessions.size() == request.limit || left-- == 0) {
      slice.next = *passed;
      break;
    }
    const Session& session = **it;
    passed = &session.key().session_id;
    const bool matches =
        request.model.empty() || session.model_name() == request.model;
    if (matches && session.is_open()) slice.sessions.push_back(*it);
  }
  return slice;
}

absl::Status SessionTable::BeginCloseUnreadable(const SessionKey& key) {
  MutexLock lock(&mu_);
  const auto it = unreadable_.find(key);
  if (it == unreadable_.end()) return UnknownSession(key);
  if (!std::exchange(it->second.closing, true)) return absl::OkStatus();
  return MakeError(absl::StatusCode::kFailedPrecondition, "CLOSING",
                   "the session is being closed already");
}

void SessionTable::EndCloseUnreadable(const SessionKey& key, bool removed) {
  MutexLock lock(&mu_);
  const auto it = unreadable_.find(key);
  if (it == unreadable_.end()) return;
  if (removed) {
    unreadable_.erase(it);
  } else {
    it->second.closing = false;
  }
}

void SessionTable::StartDrain() {
  MutexLock lock(&mu_);
  draining_ = true;
}

bool SessionTable::draining() const {
  MutexLock lock(&mu_);
  return draining_;
}

int64_t SessionTable::size() const {
  MutexLock lock(&mu_);
  return static_cast<int64_t>(sessions_.size());
}

}  // namespace mneme
