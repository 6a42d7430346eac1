#include "server/session/takeover.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "server/base/error_info.h"
#include "server/session/session.h"
#include "server/session/session_table.h"

namespace mneme {
namespace {

constexpr absl::Duration kFirstPause = absl::Milliseconds(5);
constexpr absl::Duration kMostPause = absl::Milliseconds(100);

absl::Status AnotherOne() {
  ErrorInfo info;
  info.reason = "NOT_OWNER";
  info.retry_after = absl::Milliseconds(1);
  return MakeError(absl::StatusCode::kUnavailable,
                   "the session is gone, and there is a new one of its id",
                   info);
}

// What is said of a session that the directory has no more.
absl::Status GoneStatus(const SessionKey& key,
                        const SharedDirectory::Entry& entry) {
  if (!entry.record.ok()) return entry.record.status();
  if (entry.record->has_value()) return AnotherOne();
  const auto tombstone = DecodeTombstone(entry.tombstone);
  return tombstone.ok() ? GoneError(*tombstone) : UnknownSession(key);
}

}  // namespace

struct Takeover::Wait {
  Wait(const Session* waited_for, Done then, absl::Duration until)
      : session(waited_for), done(std::move(then)), deadline(until) {}

  const Session* session;
  Done done;
  absl::Duration deadline;
  absl::Duration pause = kFirstPause;
  absl::Duration asked;  // the newest try
  bool waited = false;   // another server had it
};

Takeover::Takeover(const Parts& parts, absl::Duration wait)
    : parts_(parts), wait_(wait), alarms_(parts.clock) {}

void Takeover::Acquire(const Session& session, Done done) {
  Try(std::make_shared<Wait>(&session, std::move(done),
                             parts_.clock->Monotonic() + wait_));
}

void Takeover::TryAcquire(const Session& session, Done done) {
  Try(std::make_shared<Wait>(&session, std::move(done),
                             -absl::InfiniteDuration()));
}

void Takeover::Stop() {
  stopping_ = true;
  alarms_.Stop();
}

void Takeover::Try(WaitRef wait) {
  wait->asked = parts_.clock->Monotonic();
  const SessionKey key = wait->session->key();
  parts_.writer->Reload(key, [this, wait = std::move(wait)](
                                 absl::StatusOr<StoredRecord> stored) mutable {
    OnReloaded(std::move(wait), std::move(stored));
  });
}

void Takeover::OnReloaded(WaitRef wait, absl::StatusOr<StoredRecord> stored) {
  const absl::Status& status = stored.status();
  const bool other = stored.ok() && stored->root != wait->session->root();
  if (other || absl::IsNotFound(status)) return OnGone(std::move(wait));
  if (stored.ok()) {
    return Finish(wait, Reacquired{*std::move(stored), wait->asked});
  }
  if (GetErrorInfo(status).reason == "NOT_OWNER") {
    return Pause(std::move(wait), status);
  }
  Finish(wait, status);
}

void Takeover::Pause(WaitRef wait, const absl::Status& not_owner) {
  const absl::Duration held =
      GetErrorInfo(not_owner).retry_after.value_or(kMostPause);
  const absl::Duration pause =
      std::clamp(held, absl::Milliseconds(1), wait->pause);
  const absl::Duration next = parts_.clock->Monotonic() + pause;
  wait->waited = true;
  if (stopping_ || next > wait->deadline) return Finish(wait, not_owner);
  wait->pause = std::min(2 * wait->pause, kMostPause);
  alarms_.Set(
      next, [this, wait = std::move(wait)]() mutable { Try(std::move(wait)); });
}

void Takeover::OnGone(WaitRef wait) {
  parts_.table->Drop(*wait->session);
  const SessionKey& key = wait->session->key();
  if (!parts_.writer->shares_store()) return Finish(wait, UnknownSession(key));
  parts_.writer->Ask([this, wait](SharedDirectory* directory) {
    const SessionKey& session = wait->session->key();
    const auto entries = directory->Look({session});
    Finish(wait, entries.ok() ? GoneStatus(session, entries->front())
                              : entries.status());
  });
}

void Takeover::Finish(const WaitRef& wait,
                      const absl::StatusOr<Reacquired>& answer) {
  if (wait->waited) parts_.observer->OnTakeover(answer.status());
  std::move(wait->done)(answer);
}

}  // namespace mneme
