#include "server/session/pins.h"

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

absl::StatusOr<RecordChange> Change(const Session& session,
                                    const std::vector<MemoryHandle>& pin,
                                    const std::vector<MemoryHandle>& unpin) {
  RecordChange change;
  change.record = session.record();
  std::vector<uint64_t>& pinned = change.record.pinned;
  const std::vector<uint64_t> before = pinned;
  for (const MemoryHandle& handle : unpin) {
    ASSIGN_OR_RETURN(const RetainedStep value,
                     session.FindRetained(handle, "unpin"));
    std::erase(pinned, value.step);
  }
  for (const MemoryHandle& handle : pin) {
    ASSIGN_OR_RETURN(const RetainedStep value,
                     session.FindRetained(handle, "pin"));
    if (std::find(pinned.begin(), pinned.end(), value.step) == pinned.end()) {
      pinned.push_back(value.step);
    }
  }
  if (pinned.size() > kMaxPins) return TooMany(pinned.size());
  change.commit = pinned != before;
  return change;
}

}  // namespace

RecordEdit ChangePins(std::vector<MemoryHandle> pin,
                      std::vector<MemoryHandle> unpin) {
  return [pin = std::move(pin), unpin = std::move(unpin)](
             const Session& session) { return Change(session, pin, unpin); };
}

}  // namespace mneme
