#include "server/store/redis_suspects.h"

#include <cstddef>

#include "absl/strings/match.h"

namespace mneme {
namespace {

// Less is no time to speak of.
constexpr absl::Duration kSlow = absl::Milliseconds(500);
constexpr int kRestsFor = 4;  // times as long as it took
// Of sessions that nobody asks for any more.
constexpr size_t kMostTags = 100'000;

// What Envoy says of a node that does not answer.
constexpr absl::string_view kFailure = "upstream failure";

// "" if it has no key.
absl::string_view TagOf(const RedisCommand& command) {
  const size_t first = absl::StartsWith(command[0], "EVAL") ? 3 : 1;
  if (command.size() <= first) return "";
  const absl::string_view key = command[first];
  const size_t open = key.find('{');
  if (open == absl::string_view::npos) return key;
  const size_t close = key.find('}', open + 1);
  const bool tagged = close != absl::string_view::npos && close > open + 1;
  return tagged ? key.substr(open + 1, close - open - 1) : key;
}

bool Failed(const RedisReply& reply) {
  return reply.kind == RedisReply::Kind::kError &&
         absl::StartsWith(reply.text, kFailure);
}

}  // namespace

bool RedisSuspects::Has(const RedisCommand& command) const {
  return tags_.contains(TagOf(command));
}

RedisReply RedisSuspects::Refusal() {
  RedisReply reply;
  reply.kind = RedisReply::Kind::kError;
  reply.text = "upstream failure a moment ago, and not asked again yet";
  return reply;
}

void RedisSuspects::Note(const std::vector<RedisCommand>& commands,
                         const std::vector<RedisReply>& replies,
                         absl::Duration sent, absl::Duration now) {
  const bool slow = now - sent >= kSlow;
  for (size_t i = 0; i < commands.size(); ++i) {
    if (!Failed(replies[i])) {
      if (!tags_.empty()) tags_.erase(std::string(TagOf(commands[i])));
    } else if (slow) {
      if (tags_.size() >= kMostTags) tags_.clear();
      tags_.emplace(TagOf(commands[i]));
      rest_until_ = now + kRestsFor * (now - sent);
    }
  }
}

}  // namespace mneme
