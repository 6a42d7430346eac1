#include "server/store/redis_eraser.h"

#include <algorithm>
#include <array>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "server/base/error_info.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// Between two looks at whether Redis is done.
constexpr absl::Duration kPause = absl::Milliseconds(20);
// No removal takes that long from its mark on.
constexpr absl::Duration kOldMark = absl::Minutes(1);

constexpr char kRewriteLog[] = "BGREWRITEAOF";
constexpr char kRewriteSnapshot[] = "BGSAVE";
// Of its children there is one at a time.
constexpr std::array<absl::string_view, 2> kRewrites = {
    "aof_rewrite_in_progress", "rdb_bgsave_in_progress"};
constexpr char kRunId[] = "run_id";

// The value of `name` in what INFO says; "" if it does not.
std::string FindInfo(absl::string_view info, absl::string_view name) {
  for (absl::string_view line : absl::StrSplit(info, '\n')) {
    if (absl::ConsumePrefix(&line, name) && absl::ConsumePrefix(&line, ":")) {
      return std::string(absl::StripSuffix(line, "\r"));
    }
  }
  return "";
}

absl::StatusOr<absl::Duration> ReadTime(RedisConnection* connection) {
  ASSIGN_OR_RETURN(const RedisReply time,
                   connection->Run(RedisCommand{"TIME"}));
  int64_t seconds = 0;
  if (time.list.empty() || !absl::SimpleAtoi(time.list[0].text, &seconds)) {
    return absl::InternalError("Redis does not tell the time");
  }
  return absl::Seconds(seconds);
}

std::string Score(absl::Duration time) {
  return absl::StrCat(absl::ToInt64Seconds(time));
}

absl::Status NotOffered(absl::string_view why) {
  return MakeError(absl::StatusCode::kUnimplemented, "NOT_OFFERED",
                   absl::StrCat("erase: ", why, "; expected Close without it"));
}

absl::Status CheckNoReplicas(RedisConnection* connection) {
  ASSIGN_OR_RETURN(const RedisReply info,
                   connection->Run(RedisCommand{"INFO", "replication"}));
  const std::string count = FindInfo(info.text, "connected_slaves");
  if (count == "0") return absl::OkStatus();
  return NotOffered(absl::StrCat(
      "Redis has ", count, " replicas, whose files this server cannot reach"));
}

// Where they were renamed. (Of what is not allowed Scrub hears.)
absl::Status CheckCommands(RedisConnection* connection) {
  RedisCommand command = {"COMMAND", "INFO"};
  command.insert(command.end(), {kRewriteLog, kRewriteSnapshot});
  ASSIGN_OR_RETURN(const RedisReply info, connection->Run(command));
  for (size_t i = 0; i < info.list.size(); ++i) {
    if (!info.list[i].is_nil() && !info.list[i].list.empty()) continue;
    return NotOffered(absl::StrCat("this Redis has no ", command[2 + i]));
  }
  return absl::OkStatus();
}

}  // namespace

RedisEraser::RedisEraser(RedisConnection::Options connection,
                         const RedisKeys* keys, std::string owner)
    : keys_(keys),
      owner_(std::move(owner)),
      clock_(connection.clock),
      connection_(std::move(connection)) {}

absl::Status RedisEraser::Mark(RedisConnection* connection) {
  RETURN_IF_ERROR(CheckNoReplicas(connection));
  RETURN_IF_ERROR(CheckCommands(connection));
  ASSIGN_OR_RETURN(const absl::Duration now, ReadTime(connection));
  const std::string mark = absl::StrCat(owner_, ":", ++marks_);
  RETURN_IF_ERROR(
      connection
          ->Run(RedisCommand{"ZADD", keys_->EraseMarks(), Score(now), mark})
          .status());
  mark_ = mark;
  return absl::OkStatus();
}

void RedisEraser::Removed(std::string mark) {
  MutexLock lock(&mu_);
  removed_.push_back(std::move(mark));
}

absl::Status RedisEraser::Scrub() {
  std::vector<std::string> removed;
  {
    MutexLock lock(&mu_);
    removed.swap(removed_);
  }
  absl::Status rewritten = Rewrite(removed);
  MutexLock lock(&mu_);
  if (!rewritten.ok()) {
    removed_.insert(removed_.end(), removed.begin(), removed.end());
  }
  return rewritten;
}

absl::Status RedisEraser::Rewrite(const std::vector<std::string>& removed) {
  ASSIGN_OR_RETURN(const RedisReply due,
                   connection_.Run({"EXISTS", keys_->EraseMarks()}));
  // Its own mark may be gone: others take away what is old.
  if (removed.empty() && due.integer == 0) return absl::OkStatus();
  RETURN_IF_ERROR(CheckNoReplicas(&connection_));
  ASSIGN_OR_RETURN(const absl::Duration start, ReadTime(&connection_));
  // They may tell of the session. Who did not hear them yet is told that he
  // missed some.
  RETURN_IF_ERROR(
      connection_.Run(RedisCommand{"DEL", keys_->Notes()}).status());
  RETURN_IF_ERROR(RewriteLog());
  RETURN_IF_ERROR(RewriteSnapshot());
  std::vector<RedisCommand> commands = {{"ZREMRANGEBYSCORE",
                                         keys_->EraseMarks(), "-inf",
                                         Score(start - kOldMark)}};
  for (const std::string& mark : removed) {
    commands.push_back({"ZREM", keys_->EraseMarks(), mark});
  }
  // Marks that stay cost the next one a scrub.
  connection_.Run(commands).status().IgnoreError();
  return absl::OkStatus();
}

absl::Status RedisEraser::RewriteLog() {
  // One that is scheduled begins after what runs, so it counts.
  return RunAlone(kRewriteLog,
                  {"aof_rewrite_in_progress", "aof_rewrite_scheduled"},
                  "aof_last_bgrewrite_status");
}

absl::Status RedisEraser::RewriteSnapshot() {
  return RunAlone(kRewriteSnapshot, {"rdb_bgsave_in_progress"},
                  "rdb_last_bgsave_status");
}

absl::Status RedisEraser::RunAlone(const std::string& command,
                                   const std::vector<std::string>& running,
                                   const std::string& status) {
  ASSIGN_OR_RETURN(const std::string server, ReadInfo("server"));
  RETURN_IF_ERROR(AwaitNone(running));
  RETURN_IF_ERROR(Start(command, running));
  RETURN_IF_ERROR(AwaitNone(running));
  ASSIGN_OR_RETURN(const std::string info, ReadInfo("persistence"));
  ASSIGN_OR_RETURN(const std::string server_now, ReadInfo("server"));
  if (FindInfo(server, kRunId) != FindInfo(server_now, kRunId)) {
    return RedisDown("erase: Redis was started again before it was done");
  }
  if (FindInfo(info, status) == "ok") return absl::OkStatus();
  return RedisDown(absl::StrCat("erase: Redis could not write its files: ",
                                status, " is '", FindInfo(info, status), "'"));
}

absl::Status RedisEraser::Start(const std::string& command,
                                const std::vector<std::string>& running) {
  while (true) {
    ASSIGN_OR_RETURN(const auto replies,
                     connection_.Run(std::vector<RedisCommand>{{command}}));
    // Redis has one such child at a time, and may have begun another one.
    const std::string& text = replies[0].text;
    const bool later = replies[0].kind == RedisReply::Kind::kError &&
                       (absl::StrContains(text, "already in progress") ||
                        absl::StrContains(text, "child process is active"));
    if (!later) return StatusOf(replies[0]);
    Pause(clock_, kPause);
    RETURN_IF_ERROR(AwaitNone({kRewrites.begin(), kRewrites.end()}));
    RETURN_IF_ERROR(AwaitNone(running));
  }
}

absl::Status RedisEraser::AwaitNone(const std::vector<std::string>& running) {
  for (;;) {
    ASSIGN_OR_RETURN(const std::string info, ReadInfo("persistence"));
    const bool none = std::all_of(
        running.begin(), running.end(),
        [&](const std::string& name) { return FindInfo(info, name) == "0"; });
    if (none) return absl::OkStatus();
    Pause(clock_, kPause);
  }
}

absl::StatusOr<std::string> RedisEraser::ReadInfo(const std::string& name) {
  ASSIGN_OR_RETURN(RedisReply info,
                   connection_.Run(RedisCommand{"INFO", name}));
  return std::move(info.text);
}

}  // namespace mneme
