#include "server/session/export_call.h"

#include <utility>

#include "server/base/status_macros.h"

namespace mneme {

ExportCall::ExportCall(std::shared_ptr<Session> session, CursorRef cursor,
                       std::optional<MemoryHandle> from, ExportDone done)
    : session_(std::move(session)),
      cursor_(std::move(cursor)),
      from_(std::move(from)),
      done_(std::move(done)) {}

void ExportCall::Refuse(const absl::Status& status) {
  std::move(done_)(status);
}

void ExportCall::Start() {
  const absl::StatusOr<RetainedStep> value = FindValue();
  if (!value.ok()) return Finish(value.status());
  session_->context().writer->ReadValue(
      session_->KeyOf(value->digest),
      [self = shared_from_this(),
       value = *value](absl::StatusOr<std::string> bytes) {
        self->OnRead(value, std::move(bytes));
      });
}

absl::StatusOr<RetainedStep> ExportCall::FindValue() const {
  RETURN_IF_ERROR(session_->CheckWanted(*cursor_));
  ASSIGN_OR_RETURN(
      const RetainedStep value,
      session_->FindRetained(from_.value_or(session_->head().handle), "from"));
  if (value.step > 0) return value;
  return absl::InvalidArgumentError(
      "from: the value of step 0 is the model's initial memory, which every "
      "session begins with; expected a later one");
}

void ExportCall::OnRead(const RetainedStep& value,
                        absl::StatusOr<std::string> bytes) {
  if (absl::IsNotFound(bytes.status())) {
    const absl::Status held = session_->CheckHeld();
    if (!held.ok()) return Finish(held);
    return Finish(absl::DataLossError(
        "the store has no value for a handle that it retains"));
  }
  if (!bytes.ok()) return Finish(bytes.status());
  const SessionRecord record = session_->record();
  ExportedValue exported;
  exported.manifest.handle = session_->Handle(value);
  exported.manifest.model = record.model->name;
  exported.manifest.fingerprint = record.model->fingerprint;
  exported.manifest.numeric_mode = record.model->numeric_mode;
  exported.manifest.policy = record.policy;
  exported.manifest.memory = record.model->memory;
  exported.manifest.exported = session_->context().clock->Wall();
  exported.trusted = record.trusted;
  exported.value = std::make_shared<const std::string>(*std::move(bytes));
  Finish(std::move(exported));
}

void ExportCall::Finish(absl::StatusOr<ExportedValue> answer) {
  std::move(done_)(std::move(answer));
  session_->RunNext();
}

}  // namespace mneme
