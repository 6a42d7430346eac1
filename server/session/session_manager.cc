#include "server/session/session_manager.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"
#include "server/session/lineage.h"
#include "server/session/request_check.h"
#include "server/session/segment_call.h"

namespace mneme {
namespace {

absl::Status UnknownSession(const SessionKey& key) {
  return absl::NotFoundError(
      absl::StrCat("session_id: there is no session '", key.session_id, "'"));
}

absl::Status Draining() {
  return MakeError(absl::StatusCode::kUnavailable, "DRAINING",
                   "the server is shutting down");
}

SessionRecord FirstRecord(const SequenceModel& model, MemoryPolicy policy,
                          const SessionContext& context) {
  SessionRecord record;
  record.model = model.spec().name;
  record.fingerprint = model.spec().fingerprint;
  record.numeric_mode = model.spec().numeric_mode;
  record.policy = policy;
  record.retained = {
      {0, InitialDigest(context.tenant_key, model.spec().fingerprint)}};
  record.created = context.clock->Wall();
  record.last_used = record.created;
  return record;
}

// Whether the server's model can go on with a stored session.
absl::Status CheckModel(const SessionRecord& record,
                        const SequenceModel* model) {
  const auto mismatch = [&](absl::string_view why) {
    return MakeError(absl::StatusCode::kFailedPrecondition, "MODEL_MISMATCH",
                     absl::StrCat("the session was opened on model '",
                                  record.model, "'; ", why));
  };
  if (model == nullptr) return mismatch("this server does not hold it");
  if (model->spec().fingerprint != record.fingerprint) {
    return mismatch("this server's model of that name has other weights");
  }
  if (model->spec().numeric_mode != record.numeric_mode) {
    return mismatch(absl::StrCat("its numeric mode was ", record.numeric_mode,
                                 ", here it is ", model->spec().numeric_mode));
  }
  return absl::OkStatus();
}

}  // namespace

SessionManager::SessionManager(SessionContext context,
                               std::map<std::string, SequenceModel*> models)
    : context_(std::move(context)), models_(std::move(models)) {}

SessionManager::~SessionManager() {
  StartDrain();
  std::vector<std::shared_ptr<Session>> sessions;
  {
    MutexLock lock(&mu_);
    for (const auto& [key, session] : sessions_) sessions.push_back(session);
  }
  for (const auto& session : sessions) session->Close([] {});
  WaitIdle(absl::InfiniteDuration());
}

absl::StatusOr<int64_t> SessionManager::Recover(MemoryStore* store) {
  ASSIGN_OR_RETURN(MemoryStore::Records stored, store->LoadRecords());
  std::vector<ObjectKey> named;
  bool all_read = stored.corrupt.empty();
  for (const StoredRecord& record : stored.records) {
    all_read = RecoverOne(record, &named) && all_read;
  }
  {
    MutexLock lock(&mu_);
    corrupt_.insert(stored.corrupt.begin(), stored.corrupt.end());
  }
  if (all_read) RETURN_IF_ERROR(store->CollectOrphans(named).status());
  return stats().sessions;
}

bool SessionManager::RecoverOne(const StoredRecord& stored,
                                std::vector<ObjectKey>* named) {
  absl::StatusOr<SessionRecord> record = DecodeRecord(stored.record);
  if (!record.ok()) {
    MutexLock lock(&mu_);
    corrupt_.insert(stored.session);
    return false;
  }
  for (const RetainedStep& step : record->retained) {
    named->push_back({stored.session, ValueName(step.digest)});
  }
  const uint64_t oldest = record->retained.front().step;
  for (uint64_t step = oldest + 1; step <= record->head().step; ++step) {
    named->push_back({stored.session, ReplyName(step)});
  }
  const auto it = models_.find(record->model);
  SequenceModel* model = it == models_.end() ? nullptr : it->second;
  const absl::Status unusable = CheckModel(*record, model);
  auto session = std::make_shared<Session>(
      &context_, unusable.ok() ? model : nullptr, stored.session,
      stored.durability, *std::move(record), unusable);
  session->MarkOpen();
  MutexLock lock(&mu_);
  sessions_[stored.session] = std::move(session);
  return true;
}

absl::StatusOr<std::shared_ptr<Session>> SessionManager::Reserve(
    const SessionKey& key, const OpenRequest& request) {
  RETURN_IF_ERROR(CheckSessionId(key.session_id));
  if (request.durability == Durability::kAsync) {
    return absl::InvalidArgumentError(
        "durability: ASYNC is not offered yet, expected MEMORY or SYNC");
  }
  const auto it = request.model.empty() && models_.size() == 1
                      ? models_.begin()
                      : models_.find(request.model);
  if (it == models_.end()) {
    return absl::NotFoundError(absl::StrCat(
        "model: this server holds no model '", request.model, "'"));
  }
  auto session = std::make_shared<Session>(
      &context_, it->second, key, request.durability,
      FirstRecord(*it->second, request.policy, context_), absl::OkStatus());
  MutexLock lock(&mu_);
  if (draining_) return Draining();
  if (sessions_.contains(key) || corrupt_.contains(key)) {
    return absl::AlreadyExistsError(absl::StrCat(
        "session_id: there is a session '", key.session_id, "' already"));
  }
  if (static_cast<int64_t>(sessions_.size()) >= context_.limits.sessions) {
    return MakeError(absl::StatusCode::kResourceExhausted, "QUOTA_SESSIONS",
                     absl::StrCat("the server holds ", sessions_.size(),
                                  " sessions, its limit"));
  }
  sessions_[key] = session;
  return session;
}

void SessionManager::Open(
    const SessionKey& key, const OpenRequest& request,
    absl::AnyInvocable<void(absl::StatusOr<SessionInfo>) &&> done) {
  absl::StatusOr<std::shared_ptr<Session>> session = Reserve(key, request);
  if (!session.ok()) return std::move(done)(session.status());
  const SequenceModel& model = *(*session)->model();
  const SessionRecord record = FirstRecord(model, request.policy, context_);
  Commit commit;
  commit.session = key;
  commit.head = record.head().digest;
  commit.record = EncodeRecord(record);
  commit.durability = request.durability;
  Begin();
  context_.writer->Submit(std::move(commit),
                          [this, session = *session, done = std::move(done)](
                              const absl::Status& status) mutable {
                            if (status.ok()) {
                              session->MarkOpen();
                              std::move(done)(session->Info());
                            } else {
                              Forget(session->key());
                              std::move(done)(status);
                            }
                            End();
                          });
}

absl::StatusOr<std::shared_ptr<Session>> SessionManager::Find(
    const SessionKey& key) const {
  MutexLock lock(&mu_);
  if (corrupt_.contains(key)) {
    return absl::DataLossError(absl::StrCat("session '", key.session_id,
                                            "': its stored record is corrupt"));
  }
  const auto it = sessions_.find(key);
  if (it == sessions_.end() || !it->second->is_open()) {
    return UnknownSession(key);
  }
  return it->second;
}

void SessionManager::Forget(const SessionKey& key) {
  MutexLock lock(&mu_);
  sessions_.erase(key);
}

absl::StatusOr<SessionInfo> SessionManager::Get(const SessionKey& key) const {
  ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(key));
  return session->Info();
}

std::vector<SessionInfo> SessionManager::List(const std::string& tenant,
                                              const std::string& after,
                                              size_t limit,
                                              const std::string& model) const {
  std::vector<SessionInfo> infos;
  MutexLock lock(&mu_);
  auto it = sessions_.upper_bound(SessionKey{tenant, after});
  for (; it != sessions_.end() && infos.size() < limit; ++it) {
    if (it->first.tenant != tenant) break;
    if (!it->second->is_open()) continue;
    SessionInfo info = it->second->Info();
    if (model.empty() || info.model == model) infos.push_back(std::move(info));
  }
  return infos;
}

void SessionManager::Close(
    const SessionKey& key,
    absl::AnyInvocable<void(absl::StatusOr<MemoryHandle>) &&> done) {
  absl::StatusOr<std::shared_ptr<Session>> found = Find(key);
  if (!found.ok()) return std::move(done)(found.status());
  const std::shared_ptr<Session> session = *found;
  Begin();
  auto finish = [this, done = std::move(done)](
                    absl::StatusOr<MemoryHandle> last) mutable {
    std::move(done)(std::move(last));
    End();
  };
  auto shared = std::make_shared<decltype(finish)>(std::move(finish));
  const bool first = session->Close([this, session, shared] {
    const MemoryHandle last = session->Info().head.handle;
    context_.writer->Remove(session->key(), [this, session, last, shared](
                                                const absl::Status& status) {
      if (status.ok()) Forget(session->key());
      status.ok() ? (*shared)(last) : (*shared)(status);
    });
  });
  if (first) return;
  (*shared)(MakeError(absl::StatusCode::kFailedPrecondition, "CLOSING",
                      "the session is being closed already"));
}

absl::Status SessionManager::Admit() {
  MutexLock lock(&mu_);
  if (pending_ >= context_.limits.queue_total) {
    ErrorInfo info;
    info.reason = "QUEUE_FULL";
    info.retry_after = absl::Milliseconds(100);
    return MakeError(
        absl::StatusCode::kResourceExhausted,
        absl::StrCat("the server is full: ", pending_, " messages are in it"),
        info);
  }
  ++pending_;
  return absl::OkStatus();
}

void SessionManager::Leave() {
  MutexLock lock(&mu_);
  --pending_;
}

void SessionManager::Begin() {
  MutexLock lock(&mu_);
  ++begun_;
}

void SessionManager::End() {
  MutexLock lock(&mu_);
  if (--begun_ == 0) idle_.notify_all();
}

void SessionManager::Process(const SessionKey& key, const CursorRef& cursor,
                             SegmentRequest request, SegmentDone done) {
  absl::StatusOr<std::shared_ptr<Session>> session = Find(key);
  absl::Status status = session.status();
  if (status.ok()) status = (*session)->unusable();
  if (status.ok()) {
    status =
        CheckRequest((*session)->model()->spec(), context_.limits, request);
  }
  if (status.ok()) status = Admit();
  if (!status.ok()) {
    context_.observer->OnRequest(status, absl::ZeroDuration());
    return std::move(done)(std::move(status));
  }
  Begin();
  auto call = std::make_shared<SegmentCall>(
      *session, cursor, std::move(request),
      [this,
       done = std::move(done)](absl::StatusOr<SegmentReply> reply) mutable {
        Leave();
        std::move(done)(std::move(reply));
        End();
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
  ASSIGN_OR_RETURN(const std::shared_ptr<Session> session, Find(key));
  RETURN_IF_ERROR(session->unusable());
  return session->model();
}

void SessionManager::StartDrain() {
  MutexLock lock(&mu_);
  draining_ = true;
}

bool SessionManager::WaitIdle(absl::Duration deadline) {
  MutexLock lock(&mu_);
  while (begun_ > 0) {
    if (context_.clock->Monotonic() >= deadline) return false;
    context_.clock->WaitUntil(lock, idle_, deadline);
  }
  return true;
}

SessionManager::Stats SessionManager::stats() const {
  MutexLock lock(&mu_);
  return {static_cast<int64_t>(sessions_.size()), pending_};
}

}  // namespace mneme
