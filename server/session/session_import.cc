// The part of SessionManager that takes sessions in from files.

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/session/model_match.h"
#include "server/session/session_file.h"
#include "server/session/session_manager.h"

namespace mneme {
namespace {

// A billion segments a second for fifty days; steps are counted in doubles too,
// by Redis.
constexpr uint64_t kMaxStep = uint64_t{1} << 52;

}  // namespace

absl::StatusOr<std::string> SessionManager::FileHeader(
    const ExportedValue& exported) const {
  // A signature would make others believe what this server does not.
  return EncodeSessionFileHeader(
      exported.manifest, *exported.value,
      exported.trusted ? context_.export_key : std::string());
}

absl::StatusOr<int64_t> SessionManager::LargestFile(
    const std::string& model) const {
  ASSIGN_OR_RETURN(const SequenceModel* chosen, ChooseModel(model));
  return chosen->spec().memory_bytes() + kMaxSessionFileHeader;
}

void SessionManager::Import(const SessionKey& key, const ImportRequest& request,
                            InfoDone done) {
  const absl::StatusOr<SequenceModel*> model = ChooseModel(request.model);
  if (!model.ok()) return std::move(done)(model.status());
  StoredValue value;
  absl::StatusOr<SessionRecord> record =
      ReadFile(**model, request.file, &value);
  if (!record.ok()) return std::move(done)(record.status());
  Make(key, *model, request.durability, *std::move(record), {value},
       std::move(done));
}

absl::StatusOr<SessionRecord> SessionManager::ReadFile(
    const SequenceModel& model, const std::string& file,
    StoredValue* value) const {
  ASSIGN_OR_RETURN(const ParsedSessionFile parsed,
                   ParseSessionFile(file, context_.export_key));
  const SessionManifest& manifest = parsed.manifest;
  const RetainedStep step = {manifest.handle.step, manifest.handle.digest};
  if (step.step == 0 || step.step > kMaxStep) {
    return absl::InvalidArgumentError(absl::StrCat(
        "step: ", step.step, ", expected 1 to ", kMaxStep,
        " (0 is the model's initial memory, which is in no file)"));
  }
  RETURN_IF_ERROR(CheckModel({manifest.model, manifest.fingerprint,
                              manifest.numeric_mode, manifest.memory},
                             &model));
  SessionRecord record =
      FirstRecord(model.spec(), manifest.policy, context_.tenant_key,
                  context_.clock->Wall());
  record.ttl = context_.limits.ttl;
  record.max_age_left = record.ttl.max_age;
  record.trusted = parsed.authentic;
  record.retained = {{step, 0}};
  record.first_reply = step.step + 1;
  *value = {step.digest, std::make_shared<const std::string>(parsed.value)};
  return record;
}

}  // namespace mneme
