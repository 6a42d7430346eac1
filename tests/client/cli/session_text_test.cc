#include "client/cli/session_text.h"

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

client::MemoryHandle HandleAt(uint64_t step) {
  return {"s", step, std::string(32, static_cast<char>(step))};
}

client::SessionInfo Session() {
  client::SessionInfo session;
  session.session_id = "s";
  session.model = "wiki";
  session.fingerprint = "\x01\xff";
  session.memory_policy = client::MemoryPolicy::kReset;
  session.durability = client::Durability::kSync;
  session.head = {HandleAt(1002), 3};
  session.durable = HandleAt(1001);
  session.retained = {HandleAt(7), HandleAt(1001), HandleAt(1002)};
  session.pinned = {HandleAt(7), HandleAt(1002)};
  session.memory_bytes = 21760;
  session.created = absl::FromUnixSeconds(1'700'000'000);
  session.last_used = absl::FromUnixSeconds(1'700'000'001);
  session.idle_ttl = absl::Minutes(90);
  session.expires = absl::FromUnixSeconds(1'700'005'401);
  return session;
}

TEST(SessionTextTest, EverythingIsDescribed) {
  const std::string text = DescribeSession(Session());
  EXPECT_THAT(text, ContainsRegex("model +wiki\n"));
  EXPECT_THAT(text, ContainsRegex("fingerprint +01ff\n"));
  EXPECT_THAT(text, ContainsRegex("memory policy +reset\n"));
  EXPECT_THAT(text, ContainsRegex("durability +sync\n"));
  EXPECT_THAT(text, ContainsRegex("head +s/1002/"));
  EXPECT_THAT(text, ContainsRegex("tail +3 tokens\n"));
  EXPECT_THAT(text, ContainsRegex("durable +s/1001/"));
  EXPECT_THAT(text, ContainsRegex("memory +21.8 KB\n"));
  EXPECT_THAT(text, ContainsRegex("created +2023-11-1"));
  EXPECT_THAT(text, ContainsRegex("idle TTL +1h30m\n"));
  EXPECT_THAT(text, ContainsRegex("largest age +none\n"));
  EXPECT_THAT(text, ContainsRegex("expires +2023-11-1"));
  EXPECT_THAT(text, ContainsRegex("retained +3 values, 2 pinned\n"));
}

TEST(SessionTextTest, RetainedValuesSayWhatTheyAre) {
  const std::string text = DescribeSession(Session());
  EXPECT_THAT(text, HasSubstr(ToString(HandleAt(7)) + "     pinned\n"));
  EXPECT_THAT(text, HasSubstr(ToString(HandleAt(1001)) + "  durable\n"));
  EXPECT_THAT(text, HasSubstr(ToString(HandleAt(1002)) + "  pinned, head\n"));
}

TEST(SessionTextTest, JsonHasEveryField) {
  const auto json = nlohmann::json::parse(SessionJson(Session()));
  EXPECT_EQ(json["session"], "s");
  EXPECT_EQ(json["model"], "wiki");
  EXPECT_EQ(json["fingerprint"], "01ff");
  EXPECT_EQ(json["memory_policy"], "reset");
  EXPECT_EQ(json["durability"], "sync");
  EXPECT_EQ(json["head"], ToString(HandleAt(1002)));
  EXPECT_EQ(json["tail"], 3);
  EXPECT_EQ(json["durable"], ToString(HandleAt(1001)));
  EXPECT_EQ(json["retained"].size(), 3u);
  EXPECT_EQ(json["pinned"],
            nlohmann::json({ToString(HandleAt(7)), ToString(HandleAt(1002))}));
  EXPECT_EQ(json["memory_bytes"], 21760);
  EXPECT_EQ(json["idle_ttl"], "1h30m");
  EXPECT_EQ(json["expires"], "2023-11-14T23:43:21+00:00");
  EXPECT_EQ(json["created"], "2023-11-14T22:13:20+00:00");
  EXPECT_EQ(json["last_used"], "2023-11-14T22:13:21+00:00");
}

TEST(SessionTextTest, ASessionWithoutTtlsNeverExpires) {
  client::SessionInfo session = Session();
  session.idle_ttl = absl::InfiniteDuration();
  session.expires = absl::InfiniteFuture();
  EXPECT_THAT(DescribeSession(session), ContainsRegex("expires +never\n"));
  const auto json = nlohmann::json::parse(SessionJson(session));
  EXPECT_FALSE(json.contains("idle_ttl"));
  EXPECT_FALSE(json.contains("expires"));
}

TEST(SessionTextTest, TheHeadIsALine) {
  std::ostringstream out;
  PrintHead(Session(), false, out);
  EXPECT_EQ(out.str(), ToString(HandleAt(1002)) + "\n");
  out.str("");
  PrintHead(Session(), true, out);
  EXPECT_EQ(nlohmann::json::parse(out.str())["session"], "s");
}

}  // namespace
}  // namespace mneme::cli
