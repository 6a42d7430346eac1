#include "server/store/redis_answer.h"

#include <cstdint>
#include <optional>
#include <tuple>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "server/store/commit_check.h"
#include "server/store/entry_format.h"
#include "server/store/redis_sessions.h"

namespace mneme {

std::string Bytes(const Root& root) {
  return {reinterpret_cast<const char*>(root.data()), root.size()};
}

std::string Micros(absl::Duration duration) {
  return absl::StrCat(absl::ToInt64Microseconds(duration));
}

const std::string& Word(const RedisReply& reply) { return reply.list[0].text; }

absl::Duration ParseMicros(const std::string& text) {
  int64_t us = 0;
  return absl::SimpleAtoi(text, &us) ? absl::Microseconds(us)
                                     : absl::ZeroDuration();
}

absl::StatusOr<Root> RootInIndex(const SessionKey& session,
                                 absl::string_view bytes) {
  const std::optional<Root> root = ParseRoot(bytes);
  if (root.has_value()) return *root;
  return absl::DataLossError(
      absl::StrCat("the index of ", Describe(session), " has a root of ",
                   bytes.size(), " bytes, expected ", std::tuple_size_v<Root>));
}

absl::Status HeldElsewhere(const SessionKey& session, const RedisReply& reply) {
  return NotOwner(session, ParseMicros(reply.list[1].text));
}

}  // namespace mneme
