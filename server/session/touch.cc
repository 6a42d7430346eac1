#include "server/session/touch.h"

#include <algorithm>
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
  std::vector<uint64_t>& pinned = record->pinned;
  for (const MemoryHandle& handle : touch.unpin) {
    ASSIGN_OR_RETURN(const RetainedStep value,
                     session.FindRetained(handle, "unpin"));
    std::erase(pinned, value.step);
  }
  for (const MemoryHandle& handle : touch.pin) {
    ASSIGN_OR_RETURN(const RetainedStep value,
                     session.FindRetained(handle, "pin"));
    if (std::find(pinned.begin(), pinned.end(), value.step) == pinned.end()) {
      pinned.push_back(value.step);
    }
  }
  return pinned.size() > kMaxPins ? TooMany(pinned.size()) : absl::OkStatus();
}

// Written even if only the time of use changes: a restart must know of it.
absl::StatusOr<RecordChange> Change(const Session& session,
                                    const TouchChange& touch) {
  RecordChange change;
  change.record = session.record();
  RETURN_IF_ERROR(ChangePins(session, touch, &change.record));
  TtlPolicy& ttl = change.record.ttl;
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
