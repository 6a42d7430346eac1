// The part of RedisSessions that removes sessions.

#include <algorithm>
#include <cstdint>
#include <utility>

#include "server/base/status_macros.h"
#include "server/store/entry_format.h"
#include "server/store/redis_answer.h"
#include "server/store/redis_scripts.h"
#include "server/store/redis_sessions.h"

namespace mneme {
namespace {

// Rounds in which others come first.
constexpr int kMostRounds = 8;

}  // namespace

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
  const auto forgotten = connection_->Run(
      ForgetCommand(session, score, /*keep_due=*/!tombstone.empty()));
  removed.forgotten = forgotten.ok() && Word(*forgotten) == "ok";
  return removed;
}

absl::StatusOr<bool> RedisSessions::RemoveRecord(const SessionKey& session,
                                                 const Claim& claim) {
  ASSIGN_OR_RETURN(const Root root, RootInIndex(session, claim.root));
  ASSIGN_OR_RETURN(const std::string epoch, EpochToRemove(session, root));
  ASSIGN_OR_RETURN(const RedisReply stored, ReadRecordOf(session, root));
  const auto record = ReadRecord(session, root, stored.text);
  RedisReply removed;
  for (int round = 0; round < kMostRounds; ++round) {
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
  ASSIGN_OR_RETURN(RedisReply claimed,
                   connection_->Run(ClaimCommand(session, root)));
  if (Word(claimed) == "taken") {
    // Left by what was broken off, unless there is a session.
    const Claim left = {claimed.list[1].text, claimed.list[2].text};
    const absl::Status closed = CloseClaim(session, left);
    if (!closed.ok()) return RemoveTombstone(session);
    ASSIGN_OR_RETURN(claimed,
                     connection_->Run(ClaimCommand(session, root, left)));
  }
  if (Word(claimed) != "claimed") return NotOwner(session);
  const Claim claim = {Bytes(root), claimed.list[1].text};
  ASSIGN_OR_RETURN(const RedisReply buried,
                   connection_->Run(RedisScripts::Get().bury.Call(
                       {keys_->Index(session)}, {""})));
  if (buried.list[2].text != claim.number) return absl::OkStatus();
  RETURN_IF_ERROR(ForgetName(session));
  return connection_->Run(ReleaseCommand(session, claim)).status();
}

absl::Status RedisSessions::ForgetName(const SessionKey& session) {
  for (int round = 0; round < kMostRounds; ++round) {
    ASSIGN_OR_RETURN(const std::string score, ReadScore(session));
    ASSIGN_OR_RETURN(
        const RedisReply forgotten,
        connection_->Run(ForgetCommand(session, score, /*keep_due=*/false)));
    if (Word(forgotten) == "ok") return absl::OkStatus();
  }
  return NotOwner(session);
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

}  // namespace mneme
