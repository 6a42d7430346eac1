#include "server/store/redis_sessions.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"
#include "server/store/redis_scripts.h"

namespace mneme {
namespace {

// Rounds in which others come first.
constexpr int kMostTakeovers = 8;
// Who waits for a session asks for it more often than that; who has given up
// gets none.
constexpr absl::Duration kAsksFor = absl::Milliseconds(300);

std::string Bytes(const Root& root) {
  return {reinterpret_cast<const char*>(root.data()), root.size()};
}

absl::StatusOr<Root> RootInIndex(const SessionKey& session,
                                 absl::string_view bytes) {
  const std::optional<Root> root = ParseRoot(bytes);
  if (root.has_value()) return *root;
  return absl::DataLossError(
      absl::StrCat("the index of ", Describe(session), " has a root of ",
                   bytes.size(), " bytes, expected ", std::tuple_size_v<Root>));
}

const std::string& Word(const RedisReply& reply) { return reply.list[0].text; }

std::string RandomName(std::random_device* random) {
  std::string name;
  for (int i = 0; i < 4; ++i) absl::StrAppendFormat(&name, "%08x", (*random)());
  return name;
}

absl::Duration ParseMicros(const std::string& text) {
  int64_t us = 0;
  return absl::SimpleAtoi(text, &us) ? absl::Microseconds(us)
                                     : absl::ZeroDuration();
}

absl::Status HeldElsewhere(const SessionKey& session, const RedisReply& reply) {
  return NotOwner(session, ParseMicros(reply.list[1].text));
}

std::string Micros(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Microseconds(duration));
}

using MaybeReloaded = absl::StatusOr<std::optional<MemoryStore::Reloaded>>;

absl::StatusOr<MemoryStore::Reloaded> OrNotFound(const SessionKey& session,
                                                 MaybeReloaded reloaded) {
  RETURN_IF_ERROR(reloaded.status());
  if (reloaded->has_value()) return **std::move(reloaded);
  return absl::NotFoundError(absl::StrCat(Describe(session), " has no record"));
}

}  // namespace

absl::Status NotOwner(const SessionKey& session, absl::Duration retry_after) {
  ErrorInfo info;
  info.reason = "NOT_OWNER";
  info.retry_after = retry_after;
  return MakeError(absl::StatusCode::kUnavailable,
                   absl::StrCat("another server has ", Describe(session)),
                   info);
}

RedisSessions::RedisSessions(RedisConnection* connection, const RedisKeys* keys,
                             const Options& options)
    : connection_(connection),
      keys_(keys),
      options_(options),
      owner_(RandomName(&random_)) {}

std::string RedisSessions::lease() const { return Micros(options_.lease); }

std::optional<Root> ParseRoot(absl::string_view bytes) {
  Root root;
  if (bytes.size() != root.size()) return std::nullopt;
  std::copy(bytes.begin(), bytes.end(), root.begin());
  return root;
}

const RedisSessions::Owned* RedisSessions::FindOwned(
    const SessionKey& session) const {
  const auto it = owned_.find(session);
  return it == owned_.end() ? nullptr : &it->second;
}

absl::StatusOr<std::optional<StoredRecord>> RedisSessions::Find(
    const SessionKey& session) {
  ASSIGN_OR_RETURN(const Claim claim, ReadIndex(session));
  if (claim.root.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(const Root root, RootInIndex(session, claim.root));
  ASSIGN_OR_RETURN(const RedisReply reply, ReadRecordOf(session, root));
  if (reply.is_nil()) return std::nullopt;
  ASSIGN_OR_RETURN(StoredRecord record, ReadRecord(session, root, reply.text));
  return record;
}

RedisCommand RedisSessions::ClaimCommand(const SessionKey& session,
                                         const Root& root, const Claim& old) {
  // Two claims of one microsecond differ in these.
  const std::string digits = absl::StrFormat("%03d", random_() % 1000);
  return RedisScripts::Get().claim.Call(
      {keys_->Index(session)}, {Bytes(root), digits, old.root, old.number});
}

absl::StatusOr<std::string> RedisSessions::Claimed(const Commit& commit,
                                                   RedisReply reply) {
  for (int round = 0; round < kMostTakeovers; ++round) {
    RETURN_IF_ERROR(StatusOf(reply));
    if (Word(reply) == "claimed") return reply.list[1].text;
    const SessionKey& session = commit.record.session;
    const Claim taken = {reply.list[1].text, reply.list[2].text};
    ASSIGN_OR_RETURN(const Root root, RootInIndex(session, taken.root));
    ASSIGN_OR_RETURN(
        const RedisReply closed,
        connection_->Run(RedisScripts::Get().close.Call(
            {keys_->Record(session, root), keys_->ClosedClaims(session, root)},
            {taken.number})));
    if (Word(closed) == "stored") {
      ASSIGN_OR_RETURN(const StoredRecord stored,
                       ReadRecord(session, root, closed.list[1].text));
      return CheckCommit(commit, stored, std::nullopt);
    }
    // Who removes the one that was there takes what he saw out of the
    // directory.
    ASSIGN_OR_RETURN(
        auto replies,
        connection_->Run({RemindCommand(session),
                          ClaimCommand(session, commit.record.root, taken)}));
    RETURN_IF_ERROR(StatusOf(replies[0]));
    reply = std::move(replies[1]);
  }
  return NotOwner(commit.record.session);
}

RedisCommand RedisSessions::ReleaseCommand(const SessionKey& session,
                                           const Claim& claim) {
  return RedisScripts::Get().release.Call({keys_->Index(session)},
                                          {claim.root, claim.number});
}

RedisCommand RedisSessions::RemindCommand(const SessionKey& session) const {
  return RedisScripts::Get().remind.Call(
      {keys_->Due(), keys_->Sessions(session.tenant)},
      {keys_->Index(session), session.session_id, Micros(options_.look_after),
       "1", ""});
}

absl::StatusOr<std::string> RedisSessions::ReadScore(
    const SessionKey& session) {
  ASSIGN_OR_RETURN(
      const RedisReply score,
      connection_->Run({"ZSCORE", keys_->Due(), keys_->Index(session)}));
  return score.text;
}

RedisCommand RedisSessions::ForgetCommand(const SessionKey& session,
                                          const std::string& score,
                                          bool keep_due) const {
  return RedisScripts::Get().forget.Call(
      {keys_->Due(), keys_->Sessions(session.tenant)},
      {keys_->Index(session), session.session_id, score, keep_due ? "1" : "0"});
}

RedisCommand RedisSessions::AcquireCommand(const SessionKey& session,
                                           const Root& root,
                                           MemoryStore::IfHeld if_held) const {
  const Owned* owned = FindOwned(session);
  const bool known = owned != nullptr && owned->root == root;
  const bool asks = if_held == MemoryStore::IfHeld::kAsk;
  return RedisScripts::Get().acquire.Call(
      {keys_->Record(session, root)},
      {owner_, lease(), known ? owned->epoch : std::string(),
       asks ? Micros(kAsksFor) : "0"});
}

absl::StatusOr<std::optional<MemoryStore::Reloaded>> RedisSessions::Acquired(
    const SessionKey& session, const Root& root, const RedisReply& reply) {
  RETURN_IF_ERROR(StatusOf(reply));
  if (Word(reply) == "none") return std::nullopt;
  if (Word(reply) == "held") return HeldElsewhere(session, reply);
  auto record = ReadRecord(session, root, reply.list[1].text);
  if (!record.ok()) {
    // Else the next commit would write over it.
    Disown(session);
    return record.status();
  }
  record->ages = {ParseMicros(reply.list[3].text),
                  ParseMicros(reply.list[4].text)};
  Own(session, {root, reply.list[2].text});
  return MemoryStore::Reloaded{*std::move(record),
                               reply.list[5].text == "moved",
                               reply.list[6].text == "other"};
}

RedisSessions::Reloads RedisSessions::AcquireAll(
    const std::vector<MemoryStore::ReloadRequest>& requests) {
  auto all = TryAcquireAll(requests, /*read_all=*/false);
  if (!all.ok()) return {requests.size(), all.status()};
  for (size_t i = 0; i < requests.size(); ++i) {
    const SessionKey& session = requests[i].session;
    const bool known = FindOwned(session) != nullptr;
    if (!known || !absl::IsNotFound((*all)[i].status())) continue;
    // Gone, or another one of its id is there, of another family.
    auto again = TryAcquireAll({requests[i]}, /*read_all=*/true);
    (*all)[i] = again.ok() ? std::move(again->front()) : again.status();
    if (absl::IsNotFound((*all)[i].status())) Disown(session);
  }
  return *std::move(all);
}

absl::StatusOr<RedisSessions::Reloads> RedisSessions::TryAcquireAll(
    const std::vector<MemoryStore::ReloadRequest>& requests, bool read_all) {
  ASSIGN_OR_RETURN(const auto roots, FindRoots(requests, read_all));
  std::vector<RedisCommand> commands;
  for (size_t i = 0; i < requests.size(); ++i) {
    if (!roots[i].ok() || !roots[i]->has_value()) continue;
    commands.push_back(
        AcquireCommand(requests[i].session, **roots[i], requests[i].if_held));
  }
  ASSIGN_OR_RETURN(const auto replies, connection_->Run(commands));
  Reloads all;
  auto reply = replies.begin();
  for (size_t i = 0; i < requests.size(); ++i) {
    const SessionKey& session = requests[i].session;
    MaybeReloaded got = std::nullopt;
    if (!roots[i].ok()) {
      got = roots[i].status();
    } else if (roots[i]->has_value()) {
      got = Acquired(session, **roots[i], *reply++);
    }
    all.push_back(OrNotFound(session, std::move(got)));
  }
  return all;
}

absl::StatusOr<std::vector<RedisSessions::FoundRoot>> RedisSessions::FindRoots(
    const std::vector<MemoryStore::ReloadRequest>& requests, bool read_all) {
  std::vector<FoundRoot> roots(requests.size());
  std::vector<RedisCommand> commands;
  std::vector<size_t> places;
  for (size_t i = 0; i < requests.size(); ++i) {
    const Owned* owned = FindOwned(requests[i].session);
    if (owned != nullptr && !read_all) {
      roots[i] = owned->root;
      continue;
    }
    commands.push_back({"HGET", keys_->Index(requests[i].session), "r"});
    places.push_back(i);
  }
  ASSIGN_OR_RETURN(const auto replies, connection_->Run(commands));
  for (size_t i = 0; i < places.size(); ++i) {
    const absl::Status status = StatusOf(replies[i]);
    if (status.ok()) {
      roots[places[i]] = ParseRoot(replies[i].text);
    } else {
      roots[places[i]] = status;
    }
  }
  return roots;
}

absl::StatusOr<RedisSessions::Removed> RedisSessions::Remove(
    const SessionKey& session, const std::string& tombstone) {
  ASSIGN_OR_RETURN(const std::string score, ReadScore(session));
  ASSIGN_OR_RETURN(const RedisReply buried,
                   connection_->Run(RedisScripts::Get().bury.Call(
                       {keys_->Index(session)}, {tombstone})));
  const Claim claim = {buried.list[1].text, buried.list[2].text};
  Removed removed;
  if (!claim.root.empty()) {
    ASSIGN_OR_RETURN(removed.sync, RemoveRecord(session, claim));
    RETURN_IF_ERROR(connection_->Run(ReleaseCommand(session, claim)).status());
  }
  Disown(session);
  const RedisCommand forget =
      ForgetCommand(session, score, /*keep_due=*/!tombstone.empty());
  if (!connection_->Run(forget).ok()) removed.owed.push_back(forget);
  return removed;
}

absl::StatusOr<bool> RedisSessions::RemoveRecord(const SessionKey& session,
                                                 const Claim& claim) {
  ASSIGN_OR_RETURN(const Root root, RootInIndex(session, claim.root));
  ASSIGN_OR_RETURN(const std::string epoch, EpochToRemove(session, root));
  ASSIGN_OR_RETURN(const RedisReply stored, ReadRecordOf(session, root));
  const auto record = ReadRecord(session, root, stored.text);
  RedisReply removed;
  for (int round = 0; round < kMostTakeovers; ++round) {
    ASSIGN_OR_RETURN(const RedisCommand remove,
                     RemoveCommand(session, root, epoch, record.ok()));
    ASSIGN_OR_RETURN(removed, connection_->Run(remove));
    if (Word(removed) != "changed") break;  // others joined or left its family
  }
  if (Word(removed) == "changed") return NotOwner(session);
  if (Word(removed) == "fenced") return NotOwner(session);
  if (Word(removed) == "none") RETURN_IF_ERROR(CloseClaim(session, claim));
  return !record.ok() || record->durability == Durability::kSync;
}

absl::StatusOr<RedisCommand> RedisSessions::RemoveCommand(
    const SessionKey& session, const Root& root, const std::string& epoch,
    bool whole) {
  const std::string& tenant = session.tenant;
  std::vector<std::string> keys = {
      keys_->Record(session, root), keys_->Replies(session, root),
      keys_->Counts(tenant, root), keys_->Members(tenant, root),
      keys_->Values(tenant, root)};
  std::vector<std::string> arguments = {session.session_id, epoch,
                                        whole ? "0" : "1"};
  if (whole) return RedisScripts::Get().remove.Call(keys, arguments);
  ASSIGN_OR_RETURN(
      const RedisReply members,
      connection_->Run({"SMEMBERS", keys_->Members(tenant, root)}));
  for (const RedisReply& member : members.list) {
    if (member.text == session.session_id) continue;
    keys.push_back(keys_->Record({tenant, member.text}, root));
    arguments.push_back(member.text);
  }
  return RedisScripts::Get().remove.Call(keys, arguments);
}

absl::StatusOr<std::string> RedisSessions::EpochToRemove(
    const SessionKey& session, const Root& root) {
  const Owned* owned = FindOwned(session);
  if (owned != nullptr && owned->root != root) return NotOwner(session);
  if (owned != nullptr) return owned->epoch;
  ASSIGN_OR_RETURN(const RedisReply reply,
                   connection_->Run(AcquireCommand(
                       session, root, MemoryStore::IfHeld::kLeave)));
  if (Word(reply) == "held") return HeldElsewhere(session, reply);
  return Word(reply) == "ok" ? reply.list[2].text : std::string();
}

absl::Status RedisSessions::CloseClaim(const SessionKey& session,
                                       const Claim& claim) {
  ASSIGN_OR_RETURN(const Root root, RootInIndex(session, claim.root));
  ASSIGN_OR_RETURN(
      const RedisReply closed,
      connection_->Run(RedisScripts::Get().close.Call(
          {keys_->Record(session, root), keys_->ClosedClaims(session, root)},
          {claim.number})));
  // Another server made it a moment ago.
  return Word(closed) == "stored" ? NotOwner(session) : absl::OkStatus();
}

absl::Status RedisSessions::RemoveTombstone(const SessionKey& session) {
  return connection_->Run({"HDEL", keys_->Index(session), "t"}).status();
}

absl::Status RedisSessions::EraseTombstone(const SessionKey& session) {
  // As one that makes it and dies. So whoever makes it finds the id taken, and
  // lists it once more after that.
  Root root;
  for (uint8_t& byte : root) byte = static_cast<uint8_t>(random_());
  ASSIGN_OR_RETURN(const RedisReply claimed,
                   connection_->Run(ClaimCommand(session, root)));
  if (Word(claimed) != "claimed") return RemoveTombstone(session);
  const Claim claim = {Bytes(root), claimed.list[1].text};
  ASSIGN_OR_RETURN(const std::string score, ReadScore(session));
  ASSIGN_OR_RETURN(const RedisReply buried,
                   connection_->Run(RedisScripts::Get().bury.Call(
                       {keys_->Index(session)}, {""})));
  if (buried.list[2].text != claim.number) return absl::OkStatus();
  RETURN_IF_ERROR(
      connection_->Run(ForgetCommand(session, score, /*keep_due=*/false))
          .status());
  return connection_->Run(ReleaseCommand(session, claim)).status();
}

absl::StatusOr<RedisSessions::Claim> RedisSessions::ReadIndex(
    const SessionKey& session) {
  ASSIGN_OR_RETURN(
      const RedisReply reply,
      connection_->Run({"HMGET", keys_->Index(session), "r", "g"}));
  return Claim{reply.list[0].text, reply.list[1].text};
}

absl::StatusOr<RedisReply> RedisSessions::ReadRecordOf(
    const SessionKey& session, const Root& root) {
  return connection_->Run({"HGET", keys_->Record(session, root), "r"});
}

}  // namespace mneme
