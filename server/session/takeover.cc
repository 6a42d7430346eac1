#include "server/session/takeover.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/base/error_info.h"
#include "server/session/session.h"
#include "server/session/session_record.h"
#include "server/session/session_table.h"
#include "server/session/shared_events.h"

namespace mneme {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(5);
constexpr absl::Duration kMostPause = absl::Milliseconds(100);
constexpr absl::Duration kRetryAfter = absl::Seconds(1);

// What is said of a session that the directory has no more.
absl::Status GoneStatus(const SessionKey& key,
                        const SharedDirectory::Entry& entry) {
  if (!entry.record.ok()) return entry.record.status();
  if (entry.record->has_value())
    return MovedError("the session is gone; a new one has its id");
  const auto tombstone = DecodeTombstone(entry.tombstone);
  return tombstone.ok() ? GoneError(*tombstone) : UnknownSession(key);
}

}  // namespace

absl::Status MovedError(absl::string_view why) {
  ErrorInfo info;
  info.reason = "NOT_OWNER";
  info.retry_after = absl::Milliseconds(1);
  return MakeError(absl::StatusCode::kUnavailable, why, info);
}

struct Takeover::Wait {
  Wait(const Session* waited_for, MemoryStore::IfHeld what, Done then,
       absl::Duration until)
      : session(waited_for),
        if_held(what),
        done(std::move(then)),
        deadline(until) {}

  const Session* session;
  MemoryStore::IfHeld if_held;
  Done done;
  absl::Duration deadline;
  absl::Duration pause = kFirstPause;
  absl::Duration asked;  // the newest try
  bool waited = false;   // another server had it
};

Takeover::Takeover(const Parts& parts, absl::Duration wait)
    : parts_(parts), wait_(wait), alarms_(parts.clock) {}

void Takeover::Acquire(const Session& session, MemoryStore::IfHeld if_held,
                       Done done) {
  Try(std::make_shared<Wait>(&session, if_held, std::move(done),
                             parts_.clock->Monotonic() + wait_));
}

void Takeover::Stop() {
  stopping_ = true;
  alarms_.Stop();
}

void Takeover::Try(WaitRef wait) {
  wait->asked = parts_.clock->Monotonic();
  const MemoryStore::ReloadRequest request = {wait->session->key(),
                                              wait->if_held};
  parts_.writer->Reload(
      request, [this, wait = std::move(wait)](
                   absl::StatusOr<MemoryStore::Reloaded> reloaded) mutable {
        OnReloaded(std::move(wait), std::move(reloaded));
      });
}

void Takeover::OnReloaded(WaitRef wait,
                          absl::StatusOr<MemoryStore::Reloaded> reloaded) {
  const absl::Status& status = reloaded.status();
  const bool other =
      reloaded.ok() && reloaded->record.root != wait->session->root();
  if (other || absl::IsNotFound(status)) return OnGone(std::move(wait));
  if (reloaded.ok()) {
    return OnAcquired(wait, {*std::move(reloaded), wait->asked});
  }
  const bool waits = GetErrorInfo(status).reason == "NOT_OWNER" &&
                     wait->if_held == MemoryStore::IfHeld::kAsk;
  waits ? Pause(std::move(wait), status) : Finish(wait, status);
}

void Takeover::OnAcquired(const WaitRef& wait, const Acquired& acquired) {
  // The session does not wait for those who watch.
  if (acquired.reloaded.from_another) TellMoved(acquired.reloaded.record);
  Finish(wait, acquired);
}

void Takeover::TellMoved(const StoredRecord& stored) {
  SessionEvent moved;
  moved.key = stored.session;
  moved.at = parts_.clock->Wall();
  const auto record = FromStored(stored, moved.at);
  if (!record.ok()) return;
  moved.last = {moved.key.session_id, record->head().step,
                record->head().digest};
  parts_.events->Publish(moved, [] {});
}

void Takeover::Pause(WaitRef wait, const absl::Status& not_owner) {
  ErrorInfo info = GetErrorInfo(not_owner);
  const absl::Duration held = info.retry_after.value_or(kMostPause);
  const absl::Duration pause =
      std::clamp(held, absl::Milliseconds(1), wait->pause);
  const absl::Duration next = parts_.clock->Monotonic() + pause;
  wait->waited = true;
  if (stopping_ || next > wait->deadline) {
    // The other one releases it with its next segment.
    info.retry_after = std::min(held, kRetryAfter);
    return Finish(wait, MakeError(not_owner.code(), not_owner.message(), info));
  }
  wait->pause = std::min(2 * wait->pause, kMostPause);
  alarms_.Set(
      next, [this, wait = std::move(wait)]() mutable { Try(std::move(wait)); });
}

// NOLINTNEXTLINE(performance-unnecessary-value-param): it is handed on.
void Takeover::OnGone(WaitRef wait) {
  parts_.table->Drop(*wait->session);
  const SessionKey& key = wait->session->key();
  if (!parts_.writer->shares_store()) return Finish(wait, UnknownSession(key));
  parts_.writer->Ask([this, wait](SharedDirectory* directory) {
    const SessionKey& session = wait->session->key();
    const auto entry = directory->LookAt(session);
    Finish(wait, entry.ok() ? GoneStatus(session, *entry) : entry.status());
  });
}

void Takeover::Finish(const WaitRef& wait,
                      const absl::StatusOr<Acquired>& answer) {
  if (wait->waited) parts_.observer->OnTakeover(answer.status());
  std::move(wait->done)(answer);
}

}  // namespace mneme
