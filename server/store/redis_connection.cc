#include "server/store/redis_connection.h"

#include <hiredis/hiredis.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <condition_variable>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/base/error_info.h"
#include "server/base/mutex.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

// A server that starts again or takes over needs about that.
constexpr absl::Duration kRetryAfter = absl::Seconds(1);

// While a slot moves, some of its keys are here and some there: that is over
// soon, unless it holds very much. All wait meanwhile.
constexpr absl::Duration kTryAgainAfter = absl::Milliseconds(10);
constexpr int kMostTries = 20;

constexpr std::array<absl::string_view, 17> kPassing = {
    "LOADING", "READONLY", "MISCONF", "OOM", "BUSY", "NOSCRIPT", "MASTERDOWN",
    "NOREPLICAS", "UNBLOCKED", "TRYAGAIN", "CLUSTERDOWN", "MOVED", "ASK",
    "ERR max number of clients",
    // Envoy's.
    "upstream failure", "no upstream host", "finished with"};

struct FreeReply {
  void operator()(void* reply) const { freeReplyObject(reply); }
};

// hiredis writes to the socket with write(2), which raises SIGPIPE when the
// server is gone. In its scope that signal does not reach the process.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec now = {};
    while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &now) == SIGPIPE) {
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t pipe_;
  sigset_t before_;
  bool was_pending_ = false;
};

RedisReply ToReply(const redisReply& from) {
  RedisReply reply;
  switch (from.type) {
    case REDIS_REPLY_NIL:
      break;
    case REDIS_REPLY_INTEGER:
      reply.kind = RedisReply::Kind::kInteger;
      reply.integer = from.integer;
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = RedisReply::Kind::kList;
      reply.list.reserve(from.elements);
      for (size_t i = 0; i < from.elements; ++i) {
        reply.list.push_back(ToReply(*from.element[i]));
      }
      break;
    default:
      reply.kind = from.type == REDIS_REPLY_ERROR ? RedisReply::Kind::kError
                                                  : RedisReply::Kind::kText;
      reply.text.assign(from.str, from.len);
  }
  return reply;
}

redisContext* OpenSocket(const RedisAddress& address, absl::Duration timeout) {
  const timeval limit = absl::ToTimeval(timeout);
  return address.unix_socket.empty()
             ? redisConnectWithTimeout(address.host.c_str(), address.port,
                                       limit)
             : redisConnectUnixWithTimeout(address.unix_socket.c_str(), limit);
}

void Append(redisContext* context, const RedisCommand& command) {
  std::vector<const char*> parts;
  std::vector<size_t> sizes;
  for (const std::string& part : command) {
    parts.push_back(part.data());
    sizes.push_back(part.size());
  }
  redisAppendCommandArgv(context, static_cast<int>(parts.size()), parts.data(),
                         sizes.data());
}

}  // namespace

void Pause(Clock* clock, absl::Duration pause) {
  Mutex mu;
  std::condition_variable never;
  const absl::Duration end = clock->Monotonic() + pause;
  MutexLock lock(&mu);
  while (clock->Monotonic() < end) clock->WaitUntil(lock, never, end);
}

absl::Status RedisDown(absl::string_view message) {
  ErrorInfo info;
  info.reason = "STORE_DOWN";
  info.retry_after = kRetryAfter;
  return MakeError(absl::StatusCode::kUnavailable, message, info);
}

absl::Status StatusOf(const RedisReply& reply) {
  if (reply.kind != RedisReply::Kind::kError) return absl::OkStatus();
  const std::string message = absl::StrCat("Redis says: ", reply.text);
  for (const absl::string_view prefix : kPassing) {
    if (absl::StartsWith(reply.text, prefix)) return RedisDown(message);
  }
  return absl::FailedPreconditionError(message);
}

void RedisConnection::Close::operator()(redisContext* context) const {
  redisFree(context);
}

RedisConnection::RedisConnection(Options options)
    : options_(std::move(options)) {}

RedisConnection::~RedisConnection() = default;

absl::StatusOr<std::vector<RedisReply>> RedisConnection::Run(
    const std::vector<RedisCommand>& commands) {
  if (!suspects_.any_rest(options_.clock->Monotonic())) return Send(commands);
  std::vector<RedisReply> replies(commands.size(), RedisSuspects::Refusal());
  std::vector<RedisCommand> asked;
  std::vector<size_t> places;
  for (size_t i = 0; i < commands.size(); ++i) {
    if (suspects_.Has(commands[i])) continue;
    asked.push_back(commands[i]);
    places.push_back(i);
  }
  ASSIGN_OR_RETURN(std::vector<RedisReply> answered, Send(asked));
  for (size_t i = 0; i < places.size(); ++i) {
    replies[places[i]] = std::move(answered[i]);
  }
  return replies;
}

absl::StatusOr<std::vector<RedisReply>> RedisConnection::Send(
    const std::vector<RedisCommand>& commands) {
  if (commands.empty()) return std::vector<RedisReply>();
  const absl::Duration sent = options_.clock->Monotonic();
  const NoSigpipe no_sigpipe;
  if (context_ != nullptr && ClosedByServer()) context_.reset();
  if (context_ == nullptr) RETURN_IF_ERROR(Connect());
  ASSIGN_OR_RETURN(std::vector<RedisReply> replies, Exchange(commands));
  if (options_.script) RETURN_IF_ERROR(SendTexts(commands, &replies));
  RETURN_IF_ERROR(TryAgain(commands, &replies));
  suspects_.Note(commands, replies, sent, options_.clock->Monotonic());
  const bool whole =
      std::none_of(replies.begin(), replies.end(), [](const RedisReply& reply) {
        return reply.kind == RedisReply::Kind::kError;
      });
  if (!whole) context_.reset();
  return replies;
}

absl::Status RedisConnection::SendTexts(
    const std::vector<RedisCommand>& commands,
    std::vector<RedisReply>* replies) {
  std::vector<RedisCommand> texts;
  std::vector<size_t> places;
  for (size_t i = 0; i < commands.size(); ++i) {
    if (!absl::StartsWith((*replies)[i].text, "NOSCRIPT")) continue;
    const std::string* text = options_.script(commands[i][1]);
    if (text == nullptr) continue;
    texts.push_back(commands[i]);
    texts.back()[0] = "EVAL";
    texts.back()[1] = *text;
    places.push_back(i);
  }
  ASSIGN_OR_RETURN(auto late, Exchange(texts));
  for (size_t i = 0; i < places.size(); ++i) {
    (*replies)[places[i]] = std::move(late[i]);
  }
  return absl::OkStatus();
}

absl::Status RedisConnection::TryAgain(
    const std::vector<RedisCommand>& commands,
    std::vector<RedisReply>* replies) {
  for (int tries = 0; tries < kMostTries; ++tries) {
    std::vector<RedisCommand> again;
    std::vector<size_t> places;
    for (size_t i = 0; i < commands.size(); ++i) {
      if (!absl::StartsWith((*replies)[i].text, "TRYAGAIN")) continue;
      again.push_back(commands[i]);
      places.push_back(i);
    }
    if (again.empty()) break;
    Pause(options_.clock, kTryAgainAfter);
    ASSIGN_OR_RETURN(auto late, Exchange(again));
    if (options_.script) RETURN_IF_ERROR(SendTexts(again, &late));
    for (size_t i = 0; i < places.size(); ++i) {
      (*replies)[places[i]] = std::move(late[i]);
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<RedisReply> RedisConnection::Run(const RedisCommand& command) {
  ASSIGN_OR_RETURN(std::vector<RedisReply> replies,
                   Run(std::vector<RedisCommand>{command}));
  RETURN_IF_ERROR(StatusOf(replies[0]));
  return std::move(replies[0]);
}

bool RedisConnection::ClosedByServer() const {
  // Between calls there is nothing to read, but the end.
  char byte = 0;
  const ssize_t read =
      recv(context_->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT);
  return read >= 0 || (errno != EAGAIN && errno != EINTR);
}

absl::Status RedisConnection::Connect() {
  const absl::Duration now = options_.clock->Monotonic();
  if (now < not_before_) {
    return RedisDown(absl::StrCat(Describe(options_.address),
                                  " could not be reached a moment ago"));
  }
  absl::Status connected = TryConnect();
  not_before_ = connected.ok()
                    ? -absl::InfiniteDuration()
                    : options_.clock->Monotonic() + options_.reconnect_pause;
  return connected;
}

absl::Status RedisConnection::TryConnect() {
  context_.reset(OpenSocket(options_.address, options_.connect_timeout));
  if (context_ == nullptr || context_->err != 0) return Lost("connecting to");
  redisSetTimeout(context_.get(), absl::ToTimeval(options_.reply_timeout));
  if (options_.address.unix_socket.empty())
    redisEnableKeepAlive(context_.get());
  std::vector<RedisCommand> hello = options_.hello;
  if (options_.address.database != 0) {
    hello.insert(hello.begin(),
                 {"SELECT", absl::StrCat(options_.address.database)});
  }
  ASSIGN_OR_RETURN(const auto replies, Exchange(hello));
  for (const RedisReply& reply : replies) {
    absl::Status status = StatusOf(reply);
    if (status.ok()) continue;
    context_.reset();
    return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<RedisReply>> RedisConnection::Exchange(
    const std::vector<RedisCommand>& commands) {
  for (const RedisCommand& command : commands) {
    Append(context_.get(), command);
  }
  std::vector<RedisReply> replies;
  while (replies.size() < commands.size()) {
    void* raw = nullptr;
    if (redisGetReply(context_.get(), &raw) != REDIS_OK) return Lost("asking");
    const std::unique_ptr<void, FreeReply> owned(raw);
    replies.push_back(ToReply(*static_cast<redisReply*>(raw)));
  }
  return replies;
}

absl::Status RedisConnection::Lost(absl::string_view doing) {
  const std::string why =
      context_ == nullptr ? "out of memory" : context_->errstr;
  context_.reset();
  return RedisDown(
      absl::StrCat(doing, " ", Describe(options_.address), ": ", why));
}

}  // namespace mneme
