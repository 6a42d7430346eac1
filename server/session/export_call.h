#ifndef MNEME_SERVER_SESSION_EXPORT_CALL_H_
#define MNEME_SERVER_SESSION_EXPORT_CALL_H_

#include <memory>
#include <optional>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "server/session/handle.h"
#include "server/session/segment.h"
#include "server/session/session.h"
#include "server/session/session_call.h"
#include "server/session/session_manifest.h"

namespace mneme {

// A value on its way out: the file is EncodeSessionFileHeader of both, then the
// value's bytes.
struct ExportedValue {
  SessionManifest manifest;
  SharedBytes value;
  bool trusted = false;  // SessionRecord::trusted: it may be signed
};
using ExportDone = absl::AnyInvocable<void(absl::StatusOr<ExportedValue>) &&>;

// Reads a value that a session retains. It is the session's call, so that the
// value stays until it was read; what is done with it after holds up nobody.
// Owned by the callback that it waits for; answers exactly once.
class ExportCall : public SessionCall,
                   public std::enable_shared_from_this<ExportCall> {
 public:
  // Of the head when there is no `from`. `cursor` says whether the caller still
  // waits. INVALID_ARGUMENT: it is the value of step 0, which is the model's.
  ExportCall(std::shared_ptr<Session> session, CursorRef cursor,
             std::optional<MemoryHandle> from, ExportDone done);

  void Start() override;
  void Refuse(const absl::Status& status) override;

 private:
  absl::StatusOr<RetainedStep> FindValue() const;
  void OnRead(const RetainedStep& value, absl::StatusOr<std::string> bytes);
  void Finish(absl::StatusOr<ExportedValue> answer);

  const std::shared_ptr<Session> session_;
  const CursorRef cursor_;
  const std::optional<MemoryHandle> from_;
  ExportDone done_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_EXPORT_CALL_H_
