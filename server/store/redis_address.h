#ifndef MNEME_SERVER_STORE_REDIS_ADDRESS_H_
#define MNEME_SERVER_STORE_REDIS_ADDRESS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace mneme {

// Where a Redis listens, and which of its databases is meant.
struct RedisAddress {
  std::string host = "localhost";  // a name or an address
  int port = 6379;
  int database = 0;
  std::string unix_socket;  // a path; instead of host and port unless empty
  friend bool operator==(const RedisAddress&, const RedisAddress&) = default;
};

// "redis://host[:port][/database]", with an IPv6 host in brackets, or
// "redis+unix:PATH". INVALID_ARGUMENT names what is wrong, and what was
// expected: also for rediss:// and for a password, which are not supported.
// Thread-safe: a pure function.
absl::StatusOr<RedisAddress> ParseRedisAddress(absl::string_view text);

// For messages: "redis://host:port/database", or the path.
std::string Describe(const RedisAddress& address);

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_ADDRESS_H_
