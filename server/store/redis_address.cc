#include "server/store/redis_address.h"

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr int kMaxPort = 65535;
// Redis has 16 unless it is told otherwise.
constexpr int kMaxDatabase = 1 << 20;

absl::Status Bad(absl::string_view text, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("the Redis address '", text, "' ", why));
}

absl::StatusOr<int> ParseNumber(absl::string_view text, absl::string_view part,
                                absl::string_view name, int least, int most) {
  int number = 0;
  if (absl::SimpleAtoi(part, &number) && least <= number && number <= most) {
    return number;
  }
  return Bad(text, absl::StrCat("has the ", name, " '", part, "', expected ",
                                least, " to ", most));
}

// Takes the host off the front of `rest`; what is left is ":port" or nothing.
absl::StatusOr<std::string> TakeHost(absl::string_view text,
                                     absl::string_view* rest) {
  const bool bracketed = absl::ConsumePrefix(rest, "[");
  const size_t end = rest->find(bracketed ? ']' : ':');
  if (bracketed && end == absl::string_view::npos) {
    return Bad(text, "has no ']' after the host");
  }
  const std::string host(rest->substr(0, end));
  rest->remove_prefix(host.size() + (bracketed ? 1 : 0));
  if (host.empty()) {
    return Bad(text, "has no host, expected redis://host[:port][/database]");
  }
  return host;
}

absl::StatusOr<RedisAddress> ParseUnix(absl::string_view text,
                                       absl::string_view path) {
  if (path.empty()) return Bad(text, "has no path, expected redis+unix:PATH");
  RedisAddress address;
  address.unix_socket = std::string(path);
  return address;
}

}  // namespace

absl::StatusOr<RedisAddress> ParseRedisAddress(absl::string_view text) {
  absl::string_view rest = text;
  if (absl::ConsumePrefix(&rest, "redis+unix:")) return ParseUnix(text, rest);
  if (absl::StartsWith(text, "rediss:")) {
    return Bad(text, "asks for TLS, which is not supported; use redis://");
  }
  if (!absl::ConsumePrefix(&rest, "redis://")) {
    return Bad(text, "is none, expected redis://host[:port][/database]");
  }
  if (absl::StrContains(rest, '@')) {
    return Bad(text, "has a user or a password, which are not supported");
  }
  RedisAddress address;
  const size_t slash = rest.find('/');
  if (slash != absl::string_view::npos) {
    ASSIGN_OR_RETURN(
        address.database,
        ParseNumber(text, rest.substr(slash + 1), "database", 0, kMaxDatabase));
    rest = rest.substr(0, slash);
  }
  ASSIGN_OR_RETURN(address.host, TakeHost(text, &rest));
  if (rest.empty()) return address;
  if (!absl::ConsumePrefix(&rest, ":")) {
    return Bad(text, "has something else than :port after the host");
  }
  ASSIGN_OR_RETURN(address.port, ParseNumber(text, rest, "port", 1, kMaxPort));
  return address;
}

std::string Describe(const RedisAddress& address) {
  if (!address.unix_socket.empty()) {
    return absl::StrCat("redis+unix:", address.unix_socket);
  }
  const bool ipv6 = absl::StrContains(address.host, ':');
  return absl::StrCat("redis://", ipv6 ? "[" : "", address.host,
                      ipv6 ? "]" : "", ":", address.port, "/",
                      address.database);
}

}  // namespace mneme
