#include "server/store/redis_inspect.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/status_macros.h"
#include "server/store/entry_format.h"
#include "server/store/redis_sessions.h"

namespace mneme {
namespace {

constexpr char kScanCount[] = "500";

absl::StatusOr<std::string> Setting(RedisConnection* connection,
                                    const std::string& name) {
  const auto reply = connection->Run(RedisCommand{"CONFIG", "GET", name});
  if (absl::IsFailedPrecondition(reply.status())) {
    return absl::FailedPreconditionError(absl::StrCat(
        "whether Redis keeps what it acknowledges cannot be told, since CONFIG "
        "GET ",
        name, " is not allowed: ", reply.status().message()));
  }
  RETURN_IF_ERROR(reply.status());
  return reply->list.size() == 2 ? reply->list[1].text : "";
}

absl::Status Expect(RedisConnection* connection, const std::string& name,
                    absl::string_view wanted) {
  ASSIGN_OR_RETURN(const std::string value, Setting(connection, name));
  if (value == wanted) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("Redis has ", name, " '", value, "', expected '", wanted,
                   "' for sessions of durability sync"));
}

// What was found of a session.
struct Found {
  SessionKey session;
  std::string root;
  std::optional<std::string> tombstone;  // framed
};

absl::StatusOr<std::vector<Found>> ReadIndexes(
    RedisConnection* connection, const RedisKeys& keys,
    const std::vector<RedisReply>& names) {
  std::vector<Found> found;
  std::vector<RedisCommand> commands;
  for (const RedisReply& name : names) {
    auto session = keys.ParseIndex(name.text);
    if (!session.has_value()) {
      return absl::DataLossError(
          absl::StrCat("the store holds a key that is not ours: ",
                       absl::CHexEscape(name.text)));
    }
    found.push_back({*std::move(session), "", std::nullopt});
    commands.push_back({"HMGET", name.text, "r", "t"});
  }
  ASSIGN_OR_RETURN(auto replies, connection->Run(commands));
  for (size_t i = 0; i < found.size(); ++i) {
    RETURN_IF_ERROR(StatusOf(replies[i]));
    found[i].root = std::move(replies[i].list[0].text);
    RedisReply& tombstone = replies[i].list[1];
    if (!tombstone.is_nil()) found[i].tombstone = std::move(tombstone.text);
  }
  return found;
}

// Gathers what was found, and reads the records.
class Loader {
 public:
  Loader(RedisConnection* connection, const RedisKeys& keys)
      : connection_(connection), keys_(keys) {}

  absl::Status Load(const std::vector<Found>& found) {
    std::vector<RedisCommand> commands;
    for (const Found& one : found) {
      const auto root = ParseRoot(one.root);
      // Without a family, a key that is never there.
      commands.push_back(
          {"HGET", keys_.Record(one.session, root.value_or(Root{})), "r"});
    }
    ASSIGN_OR_RETURN(const auto replies, connection_->Run(commands));
    for (size_t i = 0; i < found.size(); ++i) {
      RETURN_IF_ERROR(StatusOf(replies[i]));
      Take(found[i], replies[i]);
    }
    return absl::OkStatus();
  }

  MemoryStore::Records Finish() {
    MemoryStore::Records out;
    for (auto& [session, entry] : entries_) {
      if (entry.record.has_value()) {
        out.records.push_back(*std::move(entry.record));
      } else if (entry.corrupt) {
        out.corrupt.push_back(session);
      } else if (entry.tombstone.has_value()) {
        out.tombstones.push_back({session, *std::move(entry.tombstone)});
      }
    }
    return out;
  }

 private:
  struct Entry {
    std::optional<StoredRecord> record;
    bool corrupt = false;
    std::optional<std::string> tombstone;
  };

  void Take(const Found& found, const RedisReply& reply) {
    const SessionKey& session = found.session;
    Entry entry;
    if (!reply.is_nil()) {
      auto record = ReadRecord(session, *ParseRoot(found.root), reply.text);
      entry.corrupt = !record.ok();
      if (record.ok()) entry.record = *std::move(record);
    } else if (found.tombstone.has_value()) {
      const auto bytes = Unframe(TombstoneEntryKey(session), *found.tombstone);
      if (bytes.ok()) entry.tombstone = std::string(*bytes);
    }
    // SCAN may name a key twice.
    entries_.insert_or_assign(session, std::move(entry));
  }

  RedisConnection* const connection_;
  const RedisKeys& keys_;
  std::map<SessionKey, Entry> entries_;
};

}  // namespace

absl::Status CheckKeepsWrites(RedisConnection* connection) {
  RETURN_IF_ERROR(Expect(connection, "appendonly", "yes"));
  RETURN_IF_ERROR(Expect(connection, "appendfsync", "always"));
  RETURN_IF_ERROR(Expect(connection, "cluster-enabled", "no"));
  ASSIGN_OR_RETURN(const std::string policy,
                   Setting(connection, "maxmemory-policy"));
  if (!absl::StartsWith(policy, "allkeys")) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("Redis has maxmemory-policy '", policy,
                   "', which removes sessions when memory is short; expected "
                   "'noeviction'"));
}

absl::StatusOr<MemoryStore::Records> LoadRedisRecords(
    RedisConnection* connection, const RedisKeys& keys) {
  Loader loader(connection, keys);
  std::string cursor = "0";
  do {
    ASSIGN_OR_RETURN(const RedisReply page,
                     connection->Run(RedisCommand{"SCAN", cursor, "MATCH",
                                                  keys.IndexPattern(), "COUNT",
                                                  kScanCount}));
    cursor = page.list[0].text;
    ASSIGN_OR_RETURN(const std::vector<Found> found,
                     ReadIndexes(connection, keys, page.list[1].list));
    RETURN_IF_ERROR(loader.Load(found));
  } while (cursor != "0");
  return loader.Finish();
}

}  // namespace mneme
