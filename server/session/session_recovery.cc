#include "server/session/session_recovery.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"
#include "server/session/model_match.h"
#include "server/session/prefix_index.h"
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
  const auto it = models.find(record.model->name);
  SequenceModel* model = it == models.end() ? nullptr : it->second;
  const absl::Status unusable = CheckModel(*record.model, model);
  auto session = std::make_shared<Session>(
      context, unusable.ok() ? model : nullptr, stored.session,
      stored.durability, std::move(record), unusable);
  if (stored.ages.has_value()) session->SetUnused(stored.ages->used);
  session->MarkOpen();
  return session;
}

// Of the sessions that may lend steps, the `most` that were used last, the last
// one first.
std::vector<std::shared_ptr<Session>> UsedLast(const RecoveredSessions& all,
                                               int64_t most) {
  std::vector<std::pair<absl::Time, std::shared_ptr<Session>>> used;
  for (const auto& session : all.sessions) {
    if (!session->unusable().ok() || !session->trusted()) continue;
    used.emplace_back(session->record().last_used, session);
  }
  const auto count = std::min(static_cast<int64_t>(used.size()), most);
  std::partial_sort(used.begin(), used.begin() + count, used.end(),
                    std::greater<>());
  std::vector<std::shared_ptr<Session>> last;
  for (int64_t i = 0; i < count; ++i) {
    last.push_back(std::move(used[static_cast<size_t>(i)].second));
  }
  return last;
}

void IndexPrefixes(const RecoveredSessions& recovered, PrefixIndex* prefixes) {
  const auto sessions = UsedLast(recovered, prefixes->limit());
  for (auto session = sessions.rbegin(); session != sessions.rend();
       ++session) {
    for (const RetainedStep& value : (*session)->record().retained) {
      if (value.step == 0) continue;  // the model's
      prefixes->Add(
          {(*session)->key().tenant, (*session)->model(), value.digest},
          *session);
    }
  }
}

}  // namespace

absl::StatusOr<std::shared_ptr<Session>> RecoverSession(
    const SessionContext* context,
    const std::map<std::string, SequenceModel*>& models,
    const StoredRecord& stored) {
  absl::StatusOr<SessionRecord> record =
      FromStored(stored, context->clock->Wall());
  if (!record.ok()) return Unreadable(stored.session, record.status());
  return MakeSession(context, models, stored, *std::move(record));
}

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
    auto session = RecoverSession(context, models, one);
    if (session.ok()) {
      recovered.sessions.insert(*std::move(session));
    } else {
      recovered.unreadable[one.session] = session.status();
    }
  }
  for (const MemoryStore::Tombstone& one : stored.tombstones) {
    absl::StatusOr<Tombstone> tombstone = DecodeTombstone(one.bytes);
    if (tombstone.ok()) recovered.tombstones.push_back(*std::move(tombstone));
  }
  if (context->prefixes != nullptr) {
    IndexPrefixes(recovered, context->prefixes);
  }
  return recovered;
}

}  // namespace mneme
