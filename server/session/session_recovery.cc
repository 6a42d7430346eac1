#include "server/session/session_recovery.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"
#include "server/session/model_match.h"
#include "server/session/session_record.h"

namespace mneme {
namespace {

absl::Status Unreadable(const SessionKey& key, const absl::Status& why) {
  return {why.code(), absl::StrCat("session ", Quoted(key.session_id), ": ",
                                   why.message())};
}

std::shared_ptr<Session> MakeSession(
    const SessionContext* context,
    const std::map<std::string, SequenceModel*>& models,
    const StoredRecord& stored, SessionRecord record) {
  const auto it = models.find(record.model);
  SequenceModel* model = it == models.end() ? nullptr : it->second;
  const absl::Status unusable = CheckModel(record, model);
  auto session = std::make_shared<Session>(
      context, unusable.ok() ? model : nullptr, stored.session,
      stored.durability, std::move(record), unusable);
  session->MarkOpen();
  return session;
}

}  // namespace

absl::StatusOr<RecoveredSessions> RecoverSessions(
    const SessionContext* context,
    const std::map<std::string, SequenceModel*>& models, MemoryStore* store) {
  ASSIGN_OR_RETURN(const MemoryStore::Records stored, store->LoadRecords());
  RecoveredSessions recovered;
  for (const SessionKey& key : stored.corrupt) {
    recovered.unreadable[key] = Unreadable(
        key, absl::DataLossError("its stored record fails its checksum"));
  }
  for (const StoredRecord& one : stored.records) {
    absl::StatusOr<SessionRecord> record = FromStored(one);
    if (!record.ok()) {
      recovered.unreadable[one.session] =
          Unreadable(one.session, record.status());
      continue;
    }
    recovered.sessions[one.session] =
        MakeSession(context, models, one, *std::move(record));
  }
  for (const MemoryStore::Tombstone& one : stored.tombstones) {
    absl::StatusOr<Tombstone> tombstone = DecodeTombstone(one.bytes);
    if (tombstone.ok()) recovered.tombstones.push_back(*std::move(tombstone));
  }
  return recovered;
}

}  // namespace mneme
