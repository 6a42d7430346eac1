#include "server/store/redis_store.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"
#include "server/store/redis_inspect.h"
#include "server/store/redis_scripts.h"

namespace mneme {
namespace {

// So many keys lie on all nodes of any cluster that is of use here, or nearly.
constexpr size_t kProxyMarks = 16;

absl::Status CheckOptions(const RedisStore::Options& options) {
  const auto invalid = [](absl::string_view name, const auto& value,
                          absl::string_view expected) {
    return absl::InvalidArgumentError(
        absl::StrCat(name, " is ", value, ", expected ", expected));
  };
  if (options.key_prefix.find_first_of("{}") != std::string::npos) {
    return invalid("key_prefix", absl::StrCat("'", options.key_prefix, "'"),
                   "no braces");
  }
  if (options.proxy && options.offer_sync) {
    return invalid("offer_sync", "true", "false behind a proxy");
  }
  if (options.wait_replicas < 0) {
    return invalid("wait_replicas", options.wait_replicas, "0 or more");
  }
  const auto least = absl::Milliseconds(1);
  for (const auto& [name, time] :
       {std::pair{"wait_timeout", options.wait_timeout},
        std::pair{"connect_timeout", options.connect_timeout},
        std::pair{"reply_timeout", options.reply_timeout},
        std::pair{"lease", options.lease},
        std::pair{"look_after", options.look_after}}) {
    if (time >= least && time < absl::InfiniteDuration()) continue;
    return invalid(name, absl::FormatDuration(time), "1ms or more");
  }
  if (options.wait_replicas > 0 &&
      options.reply_timeout <= options.wait_timeout) {
    return invalid("reply_timeout", absl::FormatDuration(options.reply_timeout),
                   "more than wait_timeout");
  }
  return absl::OkStatus();
}

RedisConnection::Options ToConnectionOptions(
    const RedisStore::Options& options) {
  RedisConnection::Options connection;
  connection.address = options.address;
  connection.connect_timeout = options.connect_timeout;
  connection.reply_timeout = options.reply_timeout;
  connection.reconnect_pause = options.reconnect_pause;
  connection.clock = options.clock;
  if (options.proxy) {
    connection.script = [](const std::string& sha1) {
      return RedisScripts::Get().FindText(sha1);
    };
  } else {
    connection.hello = RedisScripts::Get().Load();
  }
  return connection;
}

absl::Status NoSync(const Commit& commit) {
  return absl::FailedPreconditionError(absl::StrCat(
      Describe(commit.record.session),
      " is of durability sync, which this Redis is not trusted with; expected "
      "async or memory"));
}

// What a reply to a read holds.
template <typename Key>
absl::StatusOr<std::string> Payload(const Key& key, const RedisReply& reply) {
  if (reply.is_nil()) {
    return absl::NotFoundError(absl::StrCat(Describe(key), " is not stored"));
  }
  const auto payload = Unframe(EntryKey(key), reply.text);
  if (payload.ok()) return std::string(*payload);
  return absl::DataLossError(
      absl::StrCat(Describe(key), ": ", payload.status().message()));
}

// The same of a reply that may be an error.
template <typename Key>
absl::StatusOr<std::string> ReadPayload(const Key& key,
                                        const RedisReply& reply) {
  RETURN_IF_ERROR(StatusOf(reply));
  return Payload(key, reply);
}

}  // namespace

absl::StatusOr<std::unique_ptr<RedisStore>> RedisStore::Open(
    const Options& options) {
  RETURN_IF_ERROR(CheckOptions(options));
  auto store = absl::WrapUnique(new RedisStore(options));
  RETURN_IF_ERROR(store->CheckServer());
  return store;
}

RedisStore::RedisStore(const Options& options)
    : options_(options),
      keys_(options.key_prefix),
      wait_{options.wait_replicas, options.wait_timeout},
      writer_(ToConnectionOptions(options)),
      sessions_(&writer_, &keys_, {options.lease, options.look_after}),
      directory_(ToConnectionOptions(options), &keys_, sessions_.owner(),
                 options.offer_sync && options.wait_replicas == 0),
      eraser_(ToConnectionOptions(options), &keys_, sessions_.owner()),
      reader_(ToConnectionOptions(options)) {}

RedisStore::~RedisStore() = default;

absl::Status RedisStore::CheckServer() {
  MutexLock lock(&write_mu_);
  // A proxy answers a PING itself.
  RETURN_IF_ERROR(writer_.Run(RedisCommand{"GET", keys_.FlushMark()}).status());
  return options_.offer_sync ? CheckKeepsWrites(&writer_) : absl::OkStatus();
}

absl::StatusOr<StoredRecord> RedisStore::Acquire(const SessionKey& session) {
  ASSIGN_OR_RETURN(Reloaded reloaded, Reload({session, IfHeld::kAsk}));
  return std::move(reloaded.record);
}

absl::StatusOr<MemoryStore::Reloaded> RedisStore::Reload(
    const ReloadRequest& request) {
  return std::move(ReloadAll({request}).front());
}

std::vector<absl::StatusOr<MemoryStore::Reloaded>> RedisStore::ReloadAll(
    const std::vector<ReloadRequest>& requests) {
  std::vector<absl::StatusOr<Reloaded>> all(requests.size());
  std::vector<ReloadRequest> asked;
  std::vector<size_t> places;
  MutexLock lock(&write_mu_);
  for (size_t i = 0; i < requests.size(); ++i) {
    std::optional<StoredRecord> here = memory_.Find(requests[i].session);
    if (here.has_value()) {
      all[i] = Reloaded{*std::move(here)};
      continue;
    }
    asked.push_back(requests[i]);
    places.push_back(i);
  }
  RedisSessions::Reloads acquired = sessions_.AcquireAll(asked);
  const bool any = std::any_of(acquired.begin(), acquired.end(),
                               [](const auto& one) { return one.ok(); });
  const absl::Status waited = any ? WaitForReplicas() : absl::OkStatus();
  for (size_t i = 0; i < places.size(); ++i) {
    const bool lost = acquired[i].ok() && !waited.ok();
    // Whoever gets it then must learn that another had it.
    if (lost) sessions_.Disown(asked[i].session);
    all[places[i]] = lost ? waited : std::move(acquired[i]);
  }
  return all;
}

std::vector<absl::Status> RedisStore::Apply(std::vector<Commit> commits) {
  std::vector<absl::Status> statuses(commits.size());
  MutexLock lock(&write_mu_);
  RedisBatch batch(&writer_, &keys_, &sessions_, wait_);
  for (size_t i = 0; i < commits.size(); ++i) {
    Commit& commit = commits[i];
    if (memory_.Find(commit.record.session).has_value()) {
      statuses[i] = memory_.ApplyOne(std::move(commit));
    } else if (ConcernsMemory(commit)) {
      RunBatch(&batch);
      statuses[i] = MakeInMemory(std::move(commit));
    } else if (!options_.offer_sync &&
               commit.record.durability == Durability::kSync) {
      statuses[i] = NoSync(commit);
    } else {
      if (!batch.Takes(commit)) RunBatch(&batch);
      batch.Add(&commit, &statuses[i]);
    }
  }
  RunBatch(&batch);
  for (size_t i = 0; i < commits.size(); ++i) {
    const StoredRecord& record = commits[i].record;
    if (!statuses[i].ok() || record.durability == Durability::kMemory) continue;
    statuses[i] = memory_.Remove(record.session, "");  // its tombstone there
  }
  return statuses;
}

void RedisStore::RunBatch(RedisBatch* batch) {
  const RedisBatch::Outcome outcome = batch->Run();
  if (outcome.wrote && wait_.replicas > 0) SetUnsynced(!outcome.waited);
}

absl::Status RedisStore::MakeInMemory(Commit commit) {
  const SessionKey& session = commit.record.session;
  ASSIGN_OR_RETURN(const auto stored, sessions_.Find(session));
  // What is in Redis stays there: then CheckCommit refuses.
  std::optional<StoredRecord> parent;
  if (commit.parent.has_value()) {
    parent = memory_.Find(*commit.parent);
    if (!parent.has_value()) {
      ASSIGN_OR_RETURN(parent, sessions_.Find(*commit.parent));
    }
  }
  RETURN_IF_ERROR(CheckCommit(commit, stored, parent));
  RETURN_IF_ERROR(sessions_.RemoveTombstone(session));
  return memory_.ApplyOne(std::move(commit));
}

bool RedisStore::ConcernsMemory(const Commit& commit) const {
  return commit.record.durability == Durability::kMemory ||
         (commit.parent.has_value() &&
          memory_.Find(*commit.parent).has_value());
}

absl::StatusOr<std::string> RedisStore::GetValue(const ValueKey& key) const {
  return std::move(GetValues({key}).front());
}

MemoryStore::Values RedisStore::GetValues(
    const std::vector<ValueKey>& keys) const {
  Values values;
  std::vector<RedisCommand> commands;
  std::vector<size_t> places;
  for (const ValueKey& key : keys) {
    values.push_back(memory_.GetValue(key));
    if (!absl::IsNotFound(values.back().status())) continue;
    commands.push_back({"HGET", keys_.Values(key.tenant, key.root),
                        std::string(AsBytes(key.digest))});
    places.push_back(values.size() - 1);
  }
  MutexLock lock(&read_mu_);
  const auto replies = reader_.Run(commands);
  for (size_t i = 0; i < places.size(); ++i) {
    const ValueKey& key = keys[places[i]];
    values[places[i]] =
        replies.ok() ? ReadPayload(key, (*replies)[i]) : replies.status();
  }
  return values;
}

absl::StatusOr<std::string> RedisStore::GetReply(const ReplyKey& key) const {
  absl::StatusOr<std::string> here = memory_.GetReply(key);
  if (!absl::IsNotFound(here.status())) return here;
  MutexLock lock(&read_mu_);
  ASSIGN_OR_RETURN(
      const RedisReply index,
      reader_.Run(RedisCommand{"HGET", keys_.Index(key.session), "r"}));
  const std::optional<Root> root = ParseRoot(index.text);
  if (!root.has_value()) return Payload(key, RedisReply());
  ASSIGN_OR_RETURN(
      const RedisReply reply,
      reader_.Run(RedisCommand{"HGET", keys_.Replies(key.session, *root),
                               absl::StrCat(key.step)}));
  return Payload(key, reply);
}

absl::Status RedisStore::Remove(const SessionKey& session,
                                const std::string& tombstone) {
  MutexLock lock(&write_mu_);
  std::optional<std::string> mark = eraser_.TakeMark();
  if (memory_.Find(session).has_value()) {
    if (mark.has_value()) eraser_.Removed(*std::move(mark));
    return memory_.Remove(session, tombstone);
  }
  RETURN_IF_ERROR(memory_.Remove(session, ""));
  const std::string framed =
      tombstone.empty() ? "" : Frame(TombstoneEntryKey(session), tombstone);
  ASSIGN_OR_RETURN(auto removed, sessions_.Remove(session, framed));
  if (mark.has_value()) {
    if (!removed.forgotten) {
      RETURN_IF_ERROR(sessions_.EraseTombstone(session));
    }
    eraser_.Removed(*std::move(mark));
  }
  if (removed.sync) return WaitForReplicas();
  if (wait_.replicas > 0) SetUnsynced(true);
  return absl::OkStatus();
}

absl::Status RedisStore::RemoveTombstone(const SessionKey& session) {
  MutexLock lock(&write_mu_);
  std::optional<std::string> mark = eraser_.TakeMark();
  RETURN_IF_ERROR(memory_.RemoveTombstone(session));
  if (!mark.has_value()) return sessions_.RemoveTombstone(session);
  RETURN_IF_ERROR(sessions_.EraseTombstone(session));
  eraser_.Removed(*std::move(mark));
  return absl::OkStatus();
}

absl::Status RedisStore::MarkErase() {
  if (options_.proxy || wait_.replicas > 0) {
    return MakeError(
        absl::StatusCode::kUnimplemented, "NOT_OFFERED",
        absl::StrCat("erase: not offered with ",
                     options_.proxy ? "--redis-proxy" : "--redis-replicas",
                     "; expected Close without it"));
  }
  MutexLock lock(&write_mu_);
  return eraser_.Mark(&writer_);
}

absl::Status RedisStore::Scrub() {
  // There is nothing due then.
  return options_.proxy ? absl::OkStatus() : eraser_.Scrub();
}

absl::StatusOr<MemoryStore::Records> RedisStore::LoadRecords() const {
  ASSIGN_OR_RETURN(Records here, memory_.LoadRecords());
  MutexLock lock(&read_mu_);
  ASSIGN_OR_RETURN(Records out, LoadRedisRecords(&reader_, keys_));
  out.records.insert(out.records.end(),
                     std::make_move_iterator(here.records.begin()),
                     std::make_move_iterator(here.records.end()));
  std::sort(out.records.begin(), out.records.end(),
            [](const StoredRecord& a, const StoredRecord& b) {
              return a.session < b.session;
            });
  out.corrupt.insert(out.corrupt.end(), here.corrupt.begin(),
                     here.corrupt.end());
  std::sort(out.corrupt.begin(), out.corrupt.end());
  std::move(here.tombstones.begin(), here.tombstones.end(),
            std::back_inserter(out.tombstones));
  return out;
}

absl::Status RedisStore::Flush() {
  MutexLock lock(&write_mu_);
  return WaitForReplicas();
}

absl::Status RedisStore::Probe() {
  MutexLock lock(&write_mu_);
  std::vector<RedisCommand> marks = {{"SET", keys_.FlushMark(), ""}};
  while (options_.proxy && marks.size() < kProxyMarks) {
    marks.push_back({"SET", absl::StrCat(keys_.FlushMark(), marks.size()), ""});
  }
  ASSIGN_OR_RETURN(const auto replies, writer_.Run(marks));
  absl::Status status;
  for (const RedisReply& reply : replies) {
    status = StatusOf(reply);
    if (status.ok()) return WaitForReplicas();
  }
  return status;
}

std::optional<absl::Duration> RedisStore::unsynced_since() const {
  MutexLock lock(&unsynced_mu_);
  return unsynced_since_;
}

std::vector<SessionKey> RedisStore::TakeReleased() {
  MutexLock lock(&write_mu_);
  return sessions_.TakeReleased();
}

void RedisStore::Forget(const SessionKey& session) {
  MutexLock lock(&write_mu_);
  sessions_.Disown(session);
}

absl::Status RedisStore::WaitForReplicas() {
  if (wait_.replicas == 0) return absl::OkStatus();
  // WAIT is about what this connection wrote, and it may be a new one.
  ASSIGN_OR_RETURN(
      const auto replies,
      writer_.Run({{"SET", keys_.FlushMark(), ""}, wait_.Command()}));
  RETURN_IF_ERROR(StatusOf(replies[0]));
  RETURN_IF_ERROR(wait_.Check(replies[1]));
  SetUnsynced(false);
  return absl::OkStatus();
}

void RedisStore::SetUnsynced(bool unsynced) {
  MutexLock lock(&unsynced_mu_);
  if (!unsynced) {
    unsynced_since_.reset();
  } else if (!unsynced_since_.has_value()) {
    unsynced_since_ = options_.clock->Monotonic();
  }
}

}  // namespace mneme
