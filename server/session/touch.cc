#include "server/session/touch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

absl::Status TooMany(size_t pins) {
  return MakeError(absl::StatusCode::kResourceExhausted, "QUOTA_PINS",
                   absl::StrCat("pin: the session would have ", pins,
                                " pinned values, at most ", kMaxPins));
}

absl::Status ChangePins(const Session& session, const TouchChange& touch,
                        SessionRecord* record) {
  for (const MemoryHandle& handle : touch.unpin) {
    ASSIGN_OR_RETURN(const RetainedStep value,
                     session.FindRetained(handle, "unpin"));
    FindStep(record->retained, value.step)->pinned = 0;
  }
  for (const MemoryHandle& handle : touch.pin) {
    ASSIGN_OR_RETURN(const RetainedStep value,
                     session.FindRetained(handle, "pin"));
    FindStep(record->retained, value.step)->pinned = 1;
  }
  const size_t pins = PinnedSteps(*record).size();
  return pins > kMaxPins ? TooMany(pins) : absl::OkStatus();
}

// Written even if only the time of use changes: a restart must know of it.
absl::StatusOr<RecordChange> Change(const Session& session,
                                    const TouchChange& touch) {
  RecordChange change;
  change.record = session.record();
  RETURN_IF_ERROR(ChangePins(session, touch, &change.record));
  CompactTtl& ttl = change.record.ttl;
  ttl.idle = touch.idle_ttl.value_or(ttl.idle);
  ttl.max_age = touch.max_age.value_or(ttl.max_age);
  return change;
}

}  // namespace

RecordEdit Touch(TouchChange change) {
  return [change = std::move(change)](const Session& session) {
    return Change(session, change);
  };
}

}  // namespace mneme
