#include "server/store/redis_directory.h"

#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/entry_format.h"
#include "server/store/redis_answer.h"
#include "server/store/redis_scripts.h"
#include "server/store/redis_sessions.h"

namespace mneme {
namespace {

constexpr int kNotesKept = 10'000;
constexpr int kNotesSeconds = 60;

std::string TombstoneIn(const SessionKey& session, const RedisReply& framed) {
  if (framed.is_nil()) return "";
  const auto bytes = Unframe(TombstoneEntryKey(session), framed.text);
  return bytes.ok() ? std::string(*bytes) : std::string();
}

// What the look script replied of the session.
SharedDirectory::Entry ReadEntry(const SessionKey& session,
                                 const RedisReply& index,
                                 const RedisReply& looked) {
  SharedDirectory::Entry entry;
  if (const absl::Status status = StatusOf(looked); !status.ok()) {
    entry.record = status;
    return entry;
  }
  if (looked.list[0].text != "ok") {
    entry.record = std::nullopt;
    entry.tombstone = TombstoneIn(session, index.list[2]);
    return entry;
  }
  entry.held = ParseMicros(looked.list[2].text);
  auto record =
      ReadRecord(session, *ParseRoot(index.list[0].text), looked.list[1].text);
  if (record.ok()) {
    record->ages = {ParseMicros(looked.list[3].text),
                    ParseMicros(looked.list[4].text)};
    entry.record = *std::move(record);
  } else {
    entry.record = record.status();
  }
  return entry;
}

}  // namespace

RedisDirectory::RedisDirectory(RedisConnection::Options connection,
                               const RedisKeys* keys, std::string owner,
                               bool durable)
    : keys_(keys),
      owner_(std::move(owner)),
      durable_(durable),
      connection_(std::move(connection)) {}

absl::StatusOr<std::vector<RedisReply>> RedisDirectory::ReadIndexes(
    const std::vector<SessionKey>& sessions) {
  std::vector<RedisCommand> commands;
  for (const SessionKey& session : sessions) {
    commands.push_back({"HMGET", keys_->Index(session), "r", "g", "t"});
  }
  return connection_.Run(commands);
}

absl::StatusOr<std::vector<SharedDirectory::Entry>> RedisDirectory::Look(
    const std::vector<SessionKey>& sessions) {
  MutexLock lock(&mu_);
  std::vector<size_t> left;
  ASSIGN_OR_RETURN(std::vector<Entry> entries, LookOnce(sessions, &left));
  if (left.empty()) return entries;
  // Their indexes tell now what became of them.
  std::vector<SessionKey> again;
  for (const size_t i : left) again.push_back(sessions[i]);
  std::vector<size_t> ignored;
  ASSIGN_OR_RETURN(std::vector<Entry> anew, LookOnce(again, &ignored));
  for (size_t i = 0; i < left.size(); ++i) entries[left[i]] = anew[i];
  return entries;
}

absl::StatusOr<std::vector<SharedDirectory::Entry>> RedisDirectory::LookOnce(
    const std::vector<SessionKey>& sessions, std::vector<size_t>* left) {
  ASSIGN_OR_RETURN(const auto indexes, ReadIndexes(sessions));
  std::vector<Entry> entries(sessions.size());
  std::vector<RedisCommand> commands;
  std::vector<size_t> places;
  for (size_t i = 0; i < sessions.size(); ++i) {
    const absl::Status status = StatusOf(indexes[i]);
    if (!status.ok()) {
      entries[i].record = status;
      continue;
    }
    const auto root = ParseRoot(indexes[i].list[0].text);
    // Without a family, a key that is never there.
    commands.push_back(RedisScripts::Get().look.Call(
        {keys_->Record(sessions[i], root.value_or(Root{}))}, {owner_}));
    places.push_back(i);
  }
  ASSIGN_OR_RETURN(const auto looked, connection_.Run(commands));
  for (size_t i = 0; i < places.size(); ++i) {
    const size_t at = places[i];
    Entry& entry = entries[at];
    entry = ReadEntry(sessions[at], indexes[at], looked[i]);
    entry.durable = durable_;
    const bool found = !entry.record.ok() || entry.record->has_value();
    if (!found && !indexes[at].list[0].is_nil()) left->push_back(at);
  }
  return entries;
}

absl::StatusOr<std::vector<std::string>> RedisDirectory::List(
    const std::string& tenant, const std::string& after, size_t limit) {
  MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(RedisReply reply, connection_.Run(RedisCommand{
                                         "ZRANGEBYLEX", keys_->Sessions(tenant),
                                         absl::StrCat("(", after), "+", "LIMIT",
                                         "0", absl::StrCat(limit)}));
  std::vector<std::string> ids;
  for (RedisReply& id : reply.list) ids.push_back(std::move(id.text));
  return ids;
}

absl::StatusOr<std::vector<SharedDirectory::Due>> RedisDirectory::FindDue(
    size_t limit) {
  MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const RedisReply reply,
                   connection_.Run(RedisScripts::Get().due.Call(
                       {keys_->Due()}, {absl::StrCat(limit)})));
  std::vector<Due> due;
  for (size_t i = 0; i + 1 < reply.list.size(); i += 2) {
    auto session = keys_->ParseIndex(reply.list[i].text);
    if (!session.has_value()) continue;  // not ours
    due.push_back({*std::move(session), reply.list[i + 1].text});
  }
  return due;
}

absl::Status RedisDirectory::AskLater(const std::vector<Later>& later) {
  std::vector<RedisCommand> commands;
  for (const auto& [session, delay, mark] : later) {
    commands.push_back(RedisScripts::Get().remind.Call(
        {keys_->Due(), keys_->Sessions(session.tenant)},
        {keys_->Index(session), session.session_id,
         absl::StrCat(absl::ToInt64Microseconds(delay)), "0", mark}));
  }
  MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(const auto replies, connection_.Run(commands));
  for (const RedisReply& reply : replies) RETURN_IF_ERROR(StatusOf(reply));
  return absl::OkStatus();
}

absl::Status RedisDirectory::Forget(const Due& due,
                                    const std::string& tombstone) {
  MutexLock lock(&mu_);
  RETURN_IF_ERROR(ForgetClaim(due.session));
  const std::string index = keys_->Index(due.session);
  if (!tombstone.empty()) {
    const std::string framed = Frame(TombstoneEntryKey(due.session), tombstone);
    RETURN_IF_ERROR(
        connection_.Run(RedisScripts::Get().unbury.Call({index}, {framed}))
            .status());
  }
  return connection_
      .Run(RedisScripts::Get().forget.Call(
          {keys_->Due(), keys_->Sessions(due.session.tenant)},
          {index, due.session.session_id, due.mark, "0"}))
      .status();
}

absl::Status RedisDirectory::Tell(const std::vector<Note>& notes) {
  std::vector<std::string> arguments = {absl::StrCat(kNotesKept),
                                        absl::StrCat(kNotesSeconds)};
  for (const Note& note : notes) {
    const std::string index =
        note.of.has_value() ? keys_->Index(*note.of) : std::string();
    arguments.insert(arguments.end(), {note.text, index, note.if_gone});
  }
  MutexLock lock(&mu_);
  return connection_
      .Run(RedisScripts::Get().tell.Call(
          {keys_->Notes(), keys_->NoteCount(), keys_->Due()}, arguments))
      .status();
}

absl::StatusOr<SharedDirectory::Heard> RedisDirectory::Hear(
    const std::string& after, size_t limit) {
  MutexLock lock(&mu_);
  ASSIGN_OR_RETURN(
      RedisReply reply,
      connection_.Run(RedisScripts::Get().hear.Call(
          {keys_->Notes(), keys_->NoteCount()}, {after, absl::StrCat(limit)})));
  Heard heard;
  heard.mark = std::move(reply.list[1].text);
  heard.missed = reply.list[2].text == "missed";
  for (size_t i = 3; i < reply.list.size(); ++i) {
    heard.notes.push_back(std::move(reply.list[i].text));
  }
  return heard;
}

absl::Status RedisDirectory::ForgetClaim(const SessionKey& session) {
  ASSIGN_OR_RETURN(const auto indexes, ReadIndexes({session}));
  RETURN_IF_ERROR(StatusOf(indexes[0]));
  const std::string& root_bytes = indexes[0].list[0].text;
  const std::string& claim = indexes[0].list[1].text;
  const std::optional<Root> root = ParseRoot(root_bytes);
  if (!root.has_value()) return absl::OkStatus();
  ASSIGN_OR_RETURN(
      const RedisReply closed,
      connection_.Run(RedisScripts::Get().close.Call(
          {keys_->Record(session, *root), keys_->ClosedClaims(session, *root)},
          {claim})));
  if (closed.list[0].text == "stored") return NotOwner(session);
  return connection_
      .Run(RedisScripts::Get().release.Call({keys_->Index(session)},
                                            {root_bytes, claim}))
      .status();
}

}  // namespace mneme
