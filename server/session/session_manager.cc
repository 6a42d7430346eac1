#include "server/session/session_manager.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/quoted.h"
#include "server/base/status_macros.h"
#include "server/session/fork_call.h"
#include "server/session/lineage.h"
#include "server/session/pins.h"
#include "server/session/request_check.h"
#include "server/session/rollback.h"
#include "server/session/segment_call.h"
#include "server/session/session_recovery.h"

namespace mneme {
namespace {

SessionRecord FirstRecord(const SequenceModel& model, MemoryPolicy policy,
                          const SessionContext& context) {
  SessionRecord record;
  record.root = NewRoot();
  record.model = model.spec().name;
  record.fingerprint = model.spec().fingerprint;
  record.numeric_mode = model.spec().numeric_mode;
  record.memory = model.spec().memory;
  record.policy = policy;
  record.retained = {
      {0, InitialDigest(context.tenant_key, model.spec().fingerprint)}};
  record.reply_bytes = {0};
  record.created = context.clock->Wall();
  record.last_used = record.created;
  return record;
}

}  // namespace

SessionManager::SessionManager(SessionContext context,
                               std::map<std::string, SequenceModel*> models)
    : context_(std::move(context)),
      models_(std::move(models)),
      table_(context_.limits),
      admission_(context_.limits.queue_total, context_.clock) {}

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
  return recovered;
}

absl::StatusOr<std::shared_ptr<Session>> SessionManager::Reserve(
    const SessionKey& key, const OpenRequest& request) {
  RETURN_IF_ERROR(CheckSessionId(key.session_id));
  const auto it = request.model.empty() && models_.size() == 1
                      ? models_.begin()
                      : models_.find(request.model);
  if (it == models_.end()) {
    return absl::NotFoundError(absl::StrCat(
        "model: this server holds no model ", Quoted(request.model)));
  }
  auto session = std::make_shared<Session>(
      &context_, it->second, key, request.durability,
      FirstRecord(*it->second, request.policy, context_), absl::OkStatus());
  RETURN_IF_ERROR(table_.Add(session));
  return session;
}

void SessionManager::Open(const SessionKey& key, const OpenRequest& request,
                          OpenDone done) {
  absl::StatusOr<std::shared_ptr<Session>> session = Reserve(key, request);
  if (!session.ok()) return std::move(done)(session.status());
  admission_.Begin();
  context_.writer->Submit((*session)->MakeFirstCommit(),
                          [this, session = *session, done = std::move(done)](
                              const absl::Status& status) mutable {
                            if (status.ok()) {
                              session->MarkOpen();
                              std::move(done)(session->Info());
                            } else {
                              table_.Erase(session->key());
                              std::move(done)(status);
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

void SessionManager::Close(const SessionKey& key, CloseDone done) {
  const absl::Status unreadable = table_.BeginCloseUnreadable(key);
  if (unreadable.ok()) return RemoveUnreadable(key, std::move(done));
  if (!absl::IsNotFound(unreadable)) return std::move(done)(unreadable);
  absl::StatusOr<std::shared_ptr<Session>> found = table_.Find(key);
  if (!found.ok()) return std::move(done)(found.status());
  admission_.Begin();
  (*found)->Close([this, session = *found, done = std::move(done)](
                      const absl::Status& stopped) mutable {
    if (stopped.ok()) return Remove(session, std::move(done));
    std::move(done)(stopped);
    admission_.End();
  });
}

void SessionManager::Remove(const std::shared_ptr<Session>& session,
                            CloseDone done) {
  context_.writer->Remove(session->key(), /*tombstone=*/"",
                          [this, session, done = std::move(done)](
                              const absl::Status& removed) mutable {
                            if (removed.ok()) {
                              table_.Erase(session->key());
                              std::move(done)(session->head().handle);
                            } else {
                              session->Reopen();
                              std::move(done)(removed);
                            }
                            admission_.End();
                          });
}

void SessionManager::RemoveUnreadable(const SessionKey& key, CloseDone done) {
  admission_.Begin();
  context_.writer->Remove(
      key, /*tombstone=*/"",
      [this, key, done = std::move(done)](const absl::Status& removed) mutable {
        table_.EndCloseUnreadable(key, removed.ok());
        if (removed.ok()) {
          std::move(done)(MemoryHandle{key.session_id, 0, {}});
        } else {
          std::move(done)(removed);
        }
        admission_.End();
      });
}

void SessionManager::Rollback(const SessionKey& key, const CursorRef& cursor,
                              MemoryHandle to,
                              std::optional<MemoryHandle> expected_head,
                              InfoDone done) {
  ChangeRecord(key, cursor, RollbackTo(std::move(to), std::move(expected_head)),
               std::move(done));
}

void SessionManager::Pin(const SessionKey& key, const CursorRef& cursor,
                         std::vector<MemoryHandle> pin,
                         std::vector<MemoryHandle> unpin, InfoDone done) {
  ChangeRecord(key, cursor, ChangePins(std::move(pin), std::move(unpin)),
               std::move(done));
}

void SessionManager::ChangeRecord(const SessionKey& key,
                                  const CursorRef& cursor, RecordEdit edit,
                                  InfoDone done) {
  Queue(key, std::move(done),
        [&](const std::shared_ptr<Session>& session, InfoDone counted) {
          return std::make_shared<RecordCall>(session, cursor, std::move(edit),
                                              std::move(counted));
        });
}

void SessionManager::Fork(const SessionKey& key, const CursorRef& cursor,
                          std::optional<MemoryHandle> from,
                          const std::string& fork_id, InfoDone done) {
  const absl::Status id = CheckSessionId(fork_id, "fork_id");
  if (!id.ok()) return std::move(done)(id);
  Queue(key, std::move(done),
        [&](const std::shared_ptr<Session>& session, InfoDone counted) {
          return std::make_shared<ForkCall>(session, cursor, std::move(from),
                                            SessionKey{key.tenant, fork_id},
                                            &table_, std::move(counted));
        });
}

template <typename Make>
void SessionManager::Queue(const SessionKey& key, InfoDone done,
                           const Make& make) {
  absl::StatusOr<std::shared_ptr<Session>> session = table_.Find(key);
  absl::Status status = session.status();
  if (status.ok()) status = (*session)->unusable();
  if (!status.ok()) return std::move(done)(status);
  admission_.Begin();
  const std::shared_ptr<SessionCall> call = make(
      *session,
      [this, done = std::move(done)](absl::StatusOr<SessionInfo> info) mutable {
        std::move(done)(std::move(info));
        admission_.End();
      });
  status = (*session)->Enqueue(call);
  if (!status.ok()) call->Refuse(status);
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
