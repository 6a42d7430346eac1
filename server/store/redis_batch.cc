#include "server/store/redis_batch.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"
#include "server/store/redis_scripts.h"

namespace mneme {
namespace {

std::string Bytes(const Root& root) {
  return {reinterpret_cast<const char*>(root.data()), root.size()};
}

// Whether each value and reply that it puts is one that its record holds.
bool HoldsWhatItPuts(const Commit& commit) {
  const StoredRecord& record = commit.record;
  return std::all_of(commit.values.begin(), commit.values.end(),
                     [&](const StoredValue& value) {
                       return Holds(record, value.digest);
                     }) &&
         std::all_of(commit.replies.begin(), commit.replies.end(),
                     [&](const StoredReply& reply) {
                       return record.replies.contains(reply.step);
                     });
}

// Appends how many values and replies there are, and each with its name.
void AppendPuts(const Commit& commit, const Root& root,
                std::vector<std::string>* arguments) {
  const SessionKey& session = commit.record.session;
  arguments->push_back(absl::StrCat(commit.values.size()));
  for (const StoredValue& value : commit.values) {
    const ValueKey key = {session.tenant, root, value.digest};
    arguments->emplace_back(AsBytes(value.digest));
    arguments->push_back(Frame(EntryKey(key), *value.bytes));
  }
  arguments->push_back(absl::StrCat(commit.replies.size()));
  for (const StoredReply& reply : commit.replies) {
    const ReplyKey key = {session, reply.step};
    arguments->push_back(absl::StrCat(reply.step));
    arguments->push_back(Frame(EntryKey(key), reply.bytes));
  }
}

}  // namespace

RedisCommand RedisWait::Command() const {
  return {"WAIT", absl::StrCat(replicas),
          absl::StrCat(absl::ToInt64Milliseconds(timeout))};
}

absl::Status RedisWait::Check(const RedisReply& reply) const {
  RETURN_IF_ERROR(StatusOf(reply));
  if (reply.integer >= replicas) return absl::OkStatus();
  return RedisDown(absl::StrCat(reply.integer,
                                " replicas of Redis acknowledged a write in ",
                                absl::FormatDuration(timeout), ", expected ",
                                replicas, "; it may be there all the same"));
}

bool RedisBatch::Takes(const Commit& commit) const {
  return std::none_of(items_.begin(), items_.end(), [&](const Item& item) {
    return !item.commit->expected_head.has_value() &&
           item.commit->record.session == commit.record.session;
  });
}

void RedisBatch::Add(const Commit* commit, absl::Status* status) {
  items_.push_back({commit, status, commit->record.root, "", false, false});
}

RedisBatch::Outcome RedisBatch::Run() {
  Prepare();
  const Outcome outcome = CommitAll();
  ReleaseClaims();
  items_.clear();
  return outcome;
}

void RedisBatch::Decide(Item* item, absl::Status status) {
  *item->status = std::move(status);
  item->decided = true;
}

void RedisBatch::DecideAll(const absl::Status& status) {
  for (Item& item : items_) {
    if (!item.decided) Decide(&item, status);
  }
}

void RedisBatch::Prepare() {
  std::vector<RedisCommand> commands;
  struct Asking {
    Item* item;
    size_t first;  // of its commands
    size_t last;
  };
  std::vector<Asking> asking;
  for (Item& item : items_) {
    std::vector<RedisCommand> preparation = Preparation(&item);
    if (preparation.empty()) continue;
    asking.push_back(
        {&item, commands.size(), commands.size() + preparation.size() - 1});
    std::move(preparation.begin(), preparation.end(),
              std::back_inserter(commands));
  }
  auto replies = connection_->Run(commands);
  if (!replies.ok()) return DecideAll(replies.status());
  for (const auto& [item, first, last] : asking) {
    const absl::Status before = StatusOf((*replies)[first]);
    before.ok() ? Prepared(item, std::move((*replies)[last]))
                : Decide(item, before);
  }
}

std::vector<RedisCommand> RedisBatch::Preparation(Item* item) {
  const Commit& commit = *item->commit;
  const SessionKey& session = commit.record.session;
  if (!commit.expected_head.has_value()) {
    return {sessions_->RemindCommand(session),
            sessions_->ClaimCommand(session, item->root)};
  }
  const RedisSessions::Owned* owned = sessions_->FindOwned(session);
  if (owned == nullptr) {
    return {sessions_->AcquireCommand(session, item->root,
                                      MemoryStore::IfHeld::kLeave)};
  }
  item->root = owned->root;
  return {};
}

void RedisBatch::Prepared(Item* item, RedisReply reply) {
  const Commit& commit = *item->commit;
  if (!commit.expected_head.has_value()) {
    auto claim = sessions_->Claimed(commit, std::move(reply));
    if (!claim.ok()) return Decide(item, claim.status());
    item->claim = *std::move(claim);
    return;
  }
  const auto stored =
      sessions_->Acquired(commit.record.session, item->root, reply);
  if (!stored.ok()) return Decide(item, stored.status());
  if (stored->has_value()) return;
  Decide(item, CheckCommit(commit, std::nullopt, std::nullopt));
}

RedisBatch::Outcome RedisBatch::CommitAll() {
  std::vector<RedisCommand> commands;
  std::vector<Item*> running;
  bool sync = false;
  for (Item& item : items_) {
    if (item.decided) continue;
    commands.push_back(CommitCommand(item));
    running.push_back(&item);
    sync |= item.commit->record.durability == Durability::kSync;
  }
  const bool waits = sync && wait_.replicas > 0;
  if (waits) commands.push_back(wait_.Command());
  const auto replies = connection_->Run(commands);
  if (!replies.ok()) {
    DecideAll(replies.status());
    return {};
  }
  Outcome outcome;
  const absl::Status waited =
      waits ? wait_.Check(replies->back()) : absl::OkStatus();
  for (size_t i = 0; i < running.size(); ++i) {
    absl::Status status = Committed(running[i], (*replies)[i]);
    outcome.wrote |= status.ok();
    const Durability durability = running[i]->commit->record.durability;
    if (status.ok() && durability == Durability::kSync) status = waited;
    Decide(running[i], std::move(status));
  }
  outcome.waited = waits && waited.ok();
  return outcome;
}

std::vector<std::string> RedisBatch::CommitKeys(const Item& item) const {
  const Commit& commit = *item.commit;
  const SessionKey& session = commit.record.session;
  std::vector<std::string> keys = {keys_->Record(session, item.root),
                                   keys_->Replies(session, item.root),
                                   keys_->Counts(session.tenant, item.root),
                                   keys_->Members(session.tenant, item.root),
                                   keys_->Values(session.tenant, item.root),
                                   keys_->ClosedClaims(session, item.root)};
  if (commit.parent.has_value()) {
    keys.push_back(keys_->Record(*commit.parent, item.root));
  }
  return keys;
}

RedisCommand RedisBatch::CommitCommand(const Item& item) const {
  const Commit& commit = *item.commit;
  const StoredRecord& record = commit.record;
  const SessionKey& session = record.session;
  const bool makes = !commit.expected_head.has_value();
  // Of another family: then there is nothing to hold what it puts.
  const bool sound = HoldsWhatItPuts(commit) && item.root == record.root;
  const std::string epoch =
      makes ? item.claim : sessions_->FindOwned(session)->epoch;
  std::vector<std::string> arguments = {
      session.session_id,
      epoch,
      makes ? "" : std::string(AsBytes(*commit.expected_head)),
      sound ? "1" : "0",
      Frame(RecordEntryKey(session, item.root), EncodeStoredRecord(record)),
      sessions_->owner(),
      sessions_->lease()};
  AppendPuts(commit, item.root, &arguments);
  return RedisScripts::Get().commit.Call(CommitKeys(item), arguments);
}

absl::Status RedisBatch::Committed(Item* item, const RedisReply& reply) {
  RETURN_IF_ERROR(StatusOf(reply));
  const SessionKey& session = item->commit->record.session;
  const bool makes = !item->commit->expected_head.has_value();
  const std::string& word = reply.list[0].text;
  if (word == "ok") {
    if (makes) sessions_->Own(session, {item->root, item->claim});
    if (reply.list.size() > 1) sessions_->Release(session);
    return absl::OkStatus();
  }
  item->made_no_record = makes;
  return word == "refused" ? Refused(*item, reply) : NotOwner(session);
}

absl::Status RedisBatch::Refused(const Item& item,
                                 const RedisReply& reply) const {
  const Commit& commit = *item.commit;
  std::optional<StoredRecord> stored;
  if (!reply.list[1].text.empty()) {
    ASSIGN_OR_RETURN(stored, ReadRecord(commit.record.session, item.root,
                                        reply.list[1].text));
  }
  std::optional<StoredRecord> parent;
  if (!reply.list[2].text.empty()) {
    ASSIGN_OR_RETURN(parent,
                     ReadRecord(*commit.parent, item.root, reply.list[2].text));
  }
  RETURN_IF_ERROR(CheckCommit(commit, stored, parent));
  return absl::DataLossError(
      absl::StrCat("the family of ", Describe(commit.record.session),
                   " lacks a value that its sessions hold"));
}

void RedisBatch::ReleaseClaims() {
  std::vector<RedisCommand> commands;
  for (const Item& item : items_) {
    if (!item.made_no_record) continue;
    commands.push_back(sessions_->ReleaseCommand(
        item.commit->record.session, {Bytes(item.root), item.claim}));
  }
  // What is not released the next creator takes over.
  connection_->Run(commands).status().IgnoreError();
}

}  // namespace mneme
