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
#include "server/store/redis_answer.h"
#include "server/store/redis_scripts.h"

namespace mneme {
namespace {

// Rounds in which others come first.
constexpr int kMostTakeovers = 8;
// Who waits for a session asks for it more often than that; who has given up
// gets none.
constexpr absl::Duration kAsksFor = absl::Milliseconds(300);

std::string RandomName(std::random_device* random) {
  std::string name;
  for (int i = 0; i < 4; ++i) absl::StrAppendFormat(&name, "%08x", (*random)());
  return name;
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
