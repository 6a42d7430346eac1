#include "server/session/session_manager.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"
#include "server/session/fork_call.h"
#include "server/session/request_check.h"
#include "server/session/rollback.h"
#include "server/session/segment_call.h"
#include "server/session/session_recovery.h"

namespace mneme {
SessionManager::SessionManager(SessionContext context,
                               std::map<std::string, SequenceModel*> models)
    : context_(std::move(context)),
      models_(std::move(models)),
      table_(context_.limits),
      admission_(context_.limits.queue_total, context_.clock),
      expiry_([this](const SessionKey& key) { OnDue(key); }, context_.clock) {}

SessionManager::~SessionManager() {
  StartDrain();
  for (const auto& session : table_.All()) session->Close([](const auto&) {});
  WaitIdle(absl::InfiniteDuration());
}

absl::StatusOr<SessionManager::Recovered> SessionManager::Recover(
    MemoryStore* store) {
  ASSIGN_OR_RETURN(RecoveredSessions read,
                   RecoverSessions(&context_, models_, store));
  Recovered recovered;
  recovered.sessions = static_cast<int64_t>(read.sessions.size());
  for (const auto& [key, why] : read.unreadable) {
    recovered.unreadable.push_back(why);
  }
  table_.Fill(std::move(read));
  for (const auto& session : table_.All()) SetExpiry(session->key());
  ForgetTombstones(table_.PruneTombstones(context_.clock->Wall()));
  return recovered;
}

absl::StatusOr<SequenceModel*> SessionManager::ChooseModel(
    const std::string& name) const {
  const auto it = name.empty() && models_.size() == 1 ? models_.begin()
                                                      : models_.find(name);
  if (it != models_.end()) return it->second;
  return absl::NotFoundError(
      absl::StrCat("model: this server holds no model ", Quoted(name)));
}

void SessionManager::Open(const SessionKey& key, const OpenRequest& request,
                          OpenDone done) {
  const absl::StatusOr<SequenceModel*> model = ChooseModel(request.model);
  if (!model.ok()) return std::move(done)(model.status());
  SessionRecord record =
      FirstRecord((*model)->spec(), request.policy, context_.tenant_key,
                  context_.clock->Wall());
  record.ttl.idle = request.idle_ttl.value_or(context_.limits.ttl.idle);
  record.ttl.max_age = request.max_age.value_or(context_.limits.ttl.max_age);
  record.max_age_left = record.ttl.max_age;
  Make(key, *model, request.durability, std::move(record), {}, std::move(done));
}

void SessionManager::Make(const SessionKey& key, SequenceModel* model,
                          Durability durability, SessionRecord record,
                          std::vector<StoredValue> values, InfoDone done) {
  absl::Status status = CheckSessionId(key.session_id);
  auto session = std::make_shared<Session>(&context_, model, key, durability,
                                           std::move(record), absl::OkStatus());
  if (status.ok()) status = table_.Add(session);
  if (!status.ok()) return std::move(done)(status);
  admission_.Begin();
  Commit commit = session->MakeFirstCommit();
  commit.values = std::move(values);
  context_.writer->Submit(std::move(commit),
                          [this, session, done = std::move(done)](
                              const absl::Status& committed) mutable {
                            if (committed.ok()) {
                              session->MarkOpen();
                              SetExpiry(session->key());
                              std::move(done)(session->Info());
                            } else {
                              table_.Erase(session->key());
                              std::move(done)(committed);
                            }
                            admission_.End();
                          });
}

absl::StatusOr<SessionInfo> SessionManager::Get(const SessionKey& key) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, table_.Find(key));
  return session->Info();
}

SessionManager::Page SessionManager::List(const std::string& tenant,
                                          const std::string& after,
                                          size_t limit,
                                          const std::string& model) const {
  SessionTable::Slice slice = table_.List(tenant, after, limit, model);
  Page page;
  page.next = std::move(slice.next);
  for (const auto& session : slice.sessions) {
    page.sessions.push_back(session->Info());
  }
  return page;
}

absl::StatusOr<std::shared_ptr<Session>> SessionManager::FindUsable(
    const SessionKey& key) const {
  ASSIGN_OR_RETURN(std::shared_ptr<Session> session, table_.Find(key));
  RETURN_IF_ERROR(session->unusable());
  return session;
}

void SessionManager::Enqueue(const std::shared_ptr<Session>& session,
                             const std::shared_ptr<SessionCall>& call) {
  const absl::Status status = session->Enqueue(call);
  if (!status.ok()) call->Refuse(status);
}

void SessionManager::ChangeRecord(const SessionKey& key,
                                  const CursorRef& cursor, RecordEdit edit,
                                  InfoDone done) {
  const auto session = FindUsable(key);
  if (!session.ok()) return std::move(done)(session.status());
  Enqueue(*session,
          std::make_shared<RecordCall>(*session, cursor, std::move(edit),
                                       Counted(std::move(done))));
}

void SessionManager::Rollback(const SessionKey& key, const CursorRef& cursor,
                              MemoryHandle to,
                              std::optional<MemoryHandle> expected_head,
                              InfoDone done) {
  ChangeRecord(key, cursor, RollbackTo(std::move(to), std::move(expected_head)),
               std::move(done));
}

void SessionManager::Touch(const SessionKey& key, const CursorRef& cursor,
                           TouchChange change, InfoDone done) {
  ChangeRecord(
      key, cursor, ::mneme::Touch(std::move(change)),
      [this, done = std::move(done)](absl::StatusOr<SessionInfo> info) mutable {
        if (info.ok()) SetExpiry(info->key);
        std::move(done)(std::move(info));
      });
}

void SessionManager::Fork(const SessionKey& key, const CursorRef& cursor,
                          std::optional<MemoryHandle> from,
                          const std::string& fork_id, InfoDone done) {
  const absl::Status id = CheckSessionId(fork_id, "fork_id");
  if (!id.ok()) return std::move(done)(id);
  const auto session = FindUsable(key);
  if (!session.ok()) return std::move(done)(session.status());
  InfoDone watched =
      [this, done = std::move(done)](absl::StatusOr<SessionInfo> info) mutable {
        if (info.ok()) SetExpiry(info->key);
        std::move(done)(std::move(info));
      };
  Enqueue(*session,
          std::make_shared<ForkCall>(*session, cursor, std::move(from),
                                     SessionKey{key.tenant, fork_id}, &table_,
                                     Counted(std::move(watched))));
}

void SessionManager::Export(const SessionKey& key, const CursorRef& cursor,
                            std::optional<MemoryHandle> from, ExportDone done) {
  const auto session = FindUsable(key);
  if (!session.ok()) return std::move(done)(session.status());
  Enqueue(*session,
          std::make_shared<ExportCall>(*session, cursor, std::move(from),
                                       Counted(std::move(done))));
}

void SessionManager::Process(const SessionKey& key, const CursorRef& cursor,
                             SegmentRequest request, SegmentDone done) {
  absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  absl::Status status = session.status();
  if (status.ok()) status = (*session)->unusable();
  if (status.ok()) {
    status =
        CheckRequest((*session)->model()->spec(), context_.limits, request);
  }
  if (status.ok()) status = admission_.Enter();
  if (!status.ok()) {
    context_.observer->OnRequest(status, absl::ZeroDuration());
    return std::move(done)(std::move(status));
  }
  admission_.Begin();
  auto call = std::make_shared<SegmentCall>(
      *session, cursor, std::move(request),
      [this,
       done = std::move(done)](absl::StatusOr<SegmentReply> reply) mutable {
        admission_.Leave();
        std::move(done)(std::move(reply));
        admission_.End();
      });
  status = (*session)->Enqueue(call);
  if (!status.ok()) call->Refuse(status);
}

const SequenceModel* SessionManager::FindModel(const std::string& name) const {
  const auto it = models_.find(name);
  return it == models_.end() ? nullptr : it->second;
}

std::vector<const SequenceModel*> SessionManager::models() const {
  std::vector<const SequenceModel*> models;
  for (const auto& [name, model] : models_) models.push_back(model);
  return models;
}

absl::StatusOr<const SequenceModel*> SessionManager::ModelOf(
    const SessionKey& key) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, table_.Find(key));
  RETURN_IF_ERROR(session->unusable());
  return session->model();
}

void SessionManager::StartDrain() { table_.StartDrain(); }

bool SessionManager::WaitIdle(absl::Duration deadline) {
  return admission_.WaitIdle(deadline);
}

SessionManager::Stats SessionManager::stats() const {
  return {table_.size(), admission_.messages()};
}

}  // namespace mneme
