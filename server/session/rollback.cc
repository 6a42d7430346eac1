#include "server/session/rollback.h"

#include <utility>

#include "server/base/status_macros.h"
#include "server/session/placement.h"
#include "server/session/retention.h"

namespace mneme {
namespace {

absl::StatusOr<RecordChange> Change(
    const Session& session, const MemoryHandle& to,
    const std::optional<MemoryHandle>& expected_head) {
  const Position head = session.head();
  const bool as_expected =
      !expected_head.has_value() || *expected_head == head.handle;
  // A retry: it happened, and nothing since.
  const bool done = head.handle == to && head.tail == 0;
  if (!as_expected && !done) {
    return VersionConflict(head, "expected_head: it is not the head any more");
  }
  ASSIGN_OR_RETURN(const RetainedStep value, session.FindRetained(to, "to"));
  RecordChange change;
  change.record = session.record();
  change.commit = head.handle != to;
  change.drop_tail = true;
  RollBack(value.step, &change.record);
  return change;
}

}  // namespace

RecordEdit RollbackTo(MemoryHandle to,
                      std::optional<MemoryHandle> expected_head) {
  return [to = std::move(to),
          expected_head = std::move(expected_head)](const Session& session) {
    return Change(session, to, expected_head);
  };
}

}  // namespace mneme
