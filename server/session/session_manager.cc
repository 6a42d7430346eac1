#include "server/session/session_manager.h"

#include <algorithm>
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
      admission_(context_.limits.queue_total, context_.limits.tenant_part,
                 context_.clock),
      news_({context_.writer, &events_, &admission_, &alarms_, context_.clock}),
      maker_(&context_, &table_,
             [this](Ended then) { MakeRoom(std::move(then)); }),
      takeover_(
          {&table_, context_.writer, context_.observer, &news_, context_.clock},
          context_.limits.takeover_wait),
      expiry_([this](const SessionKey& key) { OnDue(key); }, context_.clock),
      alarms_(context_.clock) {
  context_.takeover = &takeover_;
  context_.lease = context_.writer->lease();
}

SessionManager::~SessionManager() {
  StartDrain();
  takeover_.Stop();
  news_.Stop();
  alarms_.Stop();
  expiry_.Stop();
  for (const auto& session : table_.All()) session->Close([](const auto&) {});
  WaitIdle(absl::InfiniteDuration());
  context_.writer->SetOnReleased(nullptr);
}

absl::StatusOr<SessionManager::Recovered> SessionManager::Recover(
    MemoryStore* store) {
  if (context_.writer->shares_store()) {
    // What is there is found when it is asked for.
    context_.writer->SetOnReleased(
        [this](const SessionKey& key) { OnReleased(key); });
    LookAfterOthers(absl::ZeroDuration());
    return Recovered();
  }
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
  if (name.empty()) {
    return absl::NotFoundError(absl::StrCat("model: this server holds ",
                                            models_.size(),
                                            " models, expected a name"));
  }
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
  const absl::Status id = CheckSessionId(key.session_id);
  if (!id.ok()) return std::move(done)(id);
  auto session = std::make_shared<Session>(&context_, model, key, durability,
                                           std::move(record), absl::OkStatus());
  maker_.Make(session, {std::move(values), std::nullopt},
              [this, session, done = Counted(std::move(done))](
                  const absl::Status& made) mutable {
                SetExpiry(session->key());
                made.ok() ? std::move(done)(session->Info())
                          : std::move(done)(made);
              });
}

void SessionManager::Enqueue(const std::shared_ptr<Session>& session,
                             const std::shared_ptr<SessionCall>& call) {
  admission_.Begin();  // the call may be the last one that a drain waits for
  const absl::Status status = session->Enqueue(call);
  if (!status.ok()) call->Refuse(status);
  if (session->BeginLook()) SetExpiry(session);
  admission_.End();
}

void SessionManager::ChangeRecord(const SessionKey& key,
                                  const CursorRef& cursor, RecordEdit edit,
                                  InfoDone done) {
  FindUsable(
      key,
      [this, cursor, edit = std::move(edit), done = Counted(std::move(done))](
          const absl::StatusOr<std::shared_ptr<Session>>& found) mutable {
        if (!found.ok()) return std::move(done)(found.status());
        Enqueue(*found, std::make_shared<RecordCall>(
                            *found, cursor, std::move(edit), std::move(done)));
      });
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
  const absl::Duration ttl =
      std::min(change.idle_ttl.value_or(absl::InfiniteDuration()),
               change.max_age.value_or(absl::InfiniteDuration()));
  // Others must look sooner, should this server die: now, and once more in case
  // they looked before the change was there.
  const auto here = table_.Find(key);
  const bool others =
      context_.writer->shares_store() && (!here.ok() || (*here)->is_shared());
  const bool sooner = others && ttl < absl::InfiniteDuration();
  InfoDone touched = [this, key, ttl, sooner, done = Counted(std::move(done))](
                         absl::StatusOr<SessionInfo> info) mutable {
    SetExpiry(key);
    if (sooner) MakeDue(key, ttl, [](const absl::Status& /*asked*/) {});
    std::move(done)(std::move(info));
  };
  auto touch = [this, key, cursor, change = std::move(change),
                touched =
                    std::move(touched)](const absl::Status& asked) mutable {
    if (!asked.ok()) return std::move(touched)(asked);
    ChangeRecord(key, cursor, ::mneme::Touch(std::move(change)),
                 std::move(touched));
  };
  sooner ? MakeDue(key, ttl, std::move(touch)) : touch(absl::OkStatus());
}

void SessionManager::Fork(const SessionKey& key, const CursorRef& cursor,
                          std::optional<MemoryHandle> from,
                          const std::string& fork_id, InfoDone done) {
  const absl::Status id = CheckSessionId(fork_id, "fork_id");
  if (!id.ok()) return std::move(done)(id);
  const SessionKey fork = {key.tenant, fork_id};
  InfoDone watched = [this, fork, done = Counted(std::move(done))](
                         absl::StatusOr<SessionInfo> info) mutable {
    SetExpiry(fork);
    std::move(done)(std::move(info));
  };
  FindUsable(
      key,
      [this, cursor, from = std::move(from), fork, done = std::move(watched)](
          const absl::StatusOr<std::shared_ptr<Session>>& found) mutable {
        if (!found.ok()) return std::move(done)(found.status());
        Enqueue(*found,
                std::make_shared<ForkCall>(*found, cursor, std::move(from),
                                           fork, &maker_, std::move(done)));
      });
}

void SessionManager::Export(const SessionKey& key, const CursorRef& cursor,
                            std::optional<MemoryHandle> from, ExportDone done) {
  FindUsable(
      key,
      [this, cursor, from = std::move(from), done = Counted(std::move(done))](
          const absl::StatusOr<std::shared_ptr<Session>>& found) mutable {
        if (!found.ok()) return std::move(done)(found.status());
        Enqueue(*found, std::make_shared<ExportCall>(
                            *found, cursor, std::move(from), std::move(done)));
      });
}

void SessionManager::Process(const SessionKey& key, const CursorRef& cursor,
                             SegmentRequest request, SegmentDone done) {
  const absl::Status entered = admission_.Enter(key.tenant);
  if (!entered.ok()) {
    context_.observer->OnRequest(entered, absl::ZeroDuration());
    return std::move(done)(entered);
  }
  SegmentDone counted = [this, tenant = key.tenant,
                         done = Counted(std::move(done))](
                            absl::StatusOr<SegmentReply> reply) mutable {
    admission_.Leave(tenant);
    std::move(done)(std::move(reply));
  };
  FindUsable(
      key,
      [this, cursor, request = std::move(request), done = std::move(counted)](
          const absl::StatusOr<std::shared_ptr<Session>>& found) mutable {
        absl::Status status = found.status();
        if (status.ok()) {
          status =
              CheckRequest((*found)->model()->spec(), context_.limits, request);
        }
        if (!status.ok()) {
          context_.observer->OnRequest(status, absl::ZeroDuration());
          return std::move(done)(std::move(status));
        }
        Enqueue(*found,
                std::make_shared<SegmentCall>(
                    *found, cursor, std::move(request), std::move(done)));
      });
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

void SessionManager::ModelOf(const SessionKey& key, ModelDone done) {
  FindUsable(
      key, [done = std::move(done)](
               const absl::StatusOr<std::shared_ptr<Session>>& found) mutable {
        found.ok() ? std::move(done)((*found)->model())
                   : std::move(done)(found.status());
      });
}

void SessionManager::StartDrain() { table_.StartDrain(); }

bool SessionManager::WaitIdle(absl::Duration deadline) {
  return admission_.WaitIdle(deadline);
}

SessionManager::Stats SessionManager::stats() const {
  return {table_.size(), admission_.messages()};
}

}  // namespace mneme
