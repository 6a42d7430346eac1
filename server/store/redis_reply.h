#ifndef MNEME_SERVER_STORE_REDIS_REPLY_H_
#define MNEME_SERVER_STORE_REDIS_REPLY_H_

#include <cstdint>
#include <string>
#include <vector>

namespace mneme {

// A command and its arguments; any bytes.
using RedisCommand = std::vector<std::string>;

struct RedisReply {
  enum class Kind : uint8_t { kNil, kInteger, kText, kList, kError };
  Kind kind = Kind::kNil;
  int64_t integer = 0;
  std::string text;              // of kText and kError
  std::vector<RedisReply> list;  // of kList

  bool is_nil() const { return kind == Kind::kNil; }
};

}  // namespace mneme

#endif  // MNEME_SERVER_STORE_REDIS_REPLY_H_
