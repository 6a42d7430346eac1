#include "server/store/redis_address.h"

#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/store/redis_keys.h"
#include "tests/server/store/store_builders.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::absl::StatusCode;
using ::testing::AllOf;
using ::testing::HasSubstr;

TEST(RedisAddressTest, ReadsHostPortAndDatabase) {
  EXPECT_THAT(ParseRedisAddress("redis://cache"),
              IsOkAndHolds(RedisAddress{"cache", 6379, 0, ""}));
  EXPECT_THAT(ParseRedisAddress("redis://10.0.0.1:7000"),
              IsOkAndHolds(RedisAddress{"10.0.0.1", 7000, 0, ""}));
  EXPECT_THAT(ParseRedisAddress("redis://cache:7000/3"),
              IsOkAndHolds(RedisAddress{"cache", 7000, 3, ""}));
  EXPECT_THAT(ParseRedisAddress("redis://cache/3"),
              IsOkAndHolds(RedisAddress{"cache", 6379, 3, ""}));
  EXPECT_THAT(ParseRedisAddress("redis://[::1]:7000"),
              IsOkAndHolds(RedisAddress{"::1", 7000, 0, ""}));
  EXPECT_THAT(
      ParseRedisAddress("redis+unix:/run/redis.sock"),
      IsOkAndHolds(RedisAddress{"localhost", 6379, 0, "/run/redis.sock"}));
}

TEST(RedisAddressTest, SaysWhatIsWrongAndWhatWasExpected) {
  const std::vector<std::pair<std::string, std::string>> bad = {
      {"", "expected redis://"},
      {"http://x", "expected redis://"},
      {"rediss://x", "TLS"},
      {"redis://", "no host"},
      {"redis://:7000", "no host"},
      {"redis://user:secret@x", "password"},
      {"redis://x:", "port '', expected 1 to 65535"},
      {"redis://x:0", "port '0', expected 1 to 65535"},
      {"redis://x:port", "port 'port'"},
      {"redis://x:99999", "port '99999'"},
      {"redis://x/", "database '', expected 0"},
      {"redis://x/-1", "database '-1'"},
      {"redis://[::1", "']'"},
      {"redis://[::1]7000", ":port"},
      {"redis+unix:", "no path"}};
  for (const auto& [text, why] : bad) {
    EXPECT_THAT(ParseRedisAddress(text),
                StatusIs(StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("'" + text + "'"), HasSubstr(why))));
  }
}

TEST(RedisAddressTest, IsDescribedAsItIsWritten) {
  for (const std::string text : {"redis://cache:7000/3", "redis://[::1]:1/0",
                                 "redis+unix:/run/redis.sock"}) {
    EXPECT_EQ(Describe(*ParseRedisAddress(text)), text);
  }
}

TEST(RedisKeysTest, AnIndexNamesItsSession) {
  const RedisKeys keys("p:");
  for (const SessionKey& session :
       {Session("s"), Session("", ""), Session("a:b", "c:d"),
        Session(std::string("\0*{}", 4), "\xff")}) {
    EXPECT_EQ(keys.ParseIndex(keys.Index(session)), session);
  }
  for (const char* key :
       {"", "p:", "p:i:", "p:i:3:ab:", "p:i:x:ab:c", "q:i:0::", "p:i:2:abc"}) {
    EXPECT_EQ(keys.ParseIndex(key), std::nullopt) << key;
  }
}

}  // namespace
}  // namespace mneme
