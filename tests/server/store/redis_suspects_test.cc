#include "server/store/redis_suspects.h"

#include "gtest/gtest.h"

namespace mneme {
namespace {

const RedisCommand kHung = {"HGET", "mneme:{hung}7:default:s:x", "r"};
const RedisCommand kWell = {"HGET", "mneme:{well}7:default:s:x", "r"};

RedisReply Error(const std::string& text) {
  RedisReply reply;
  reply.kind = RedisReply::Kind::kError;
  reply.text = text;
  return reply;
}

class RedisSuspectsTest : public ::testing::Test {
 protected:
  // One that hangs, and one beside it that does not.
  void NoteFailure(absl::Duration took) {
    const absl::Duration sent = now_;
    now_ += took;
    suspects_.Note({kHung, kWell}, {Error("upstream failure"), RedisReply()},
                   sent, now_);
  }

  RedisSuspects suspects_;
  absl::Duration now_ = absl::Hours(1);
};

TEST_F(RedisSuspectsTest, WhatFailedSlowlyRestsFourTimesAsLong) {
  EXPECT_FALSE(suspects_.any_rest(now_));
  NoteFailure(absl::Seconds(1));
  ASSERT_TRUE(suspects_.any_rest(now_ + absl::Seconds(3.9)));
  EXPECT_TRUE(suspects_.Has(kHung));
  EXPECT_FALSE(suspects_.Has(kWell));
  EXPECT_FALSE(suspects_.any_rest(now_ + absl::Seconds(4)));
}

TEST_F(RedisSuspectsTest, WhatFailedAtOnceDoesNotRest) {
  NoteFailure(absl::Milliseconds(100));
  EXPECT_FALSE(suspects_.any_rest(now_));
}

TEST_F(RedisSuspectsTest, WhatIsRefusedOtherwiseDoesNotRest) {
  suspects_.Note({kHung}, {Error("OOM")}, now_, now_ + absl::Seconds(3));
  EXPECT_FALSE(suspects_.any_rest(now_ + absl::Seconds(3)));
}

TEST_F(RedisSuspectsTest, AllOfAHashTagRests) {
  NoteFailure(absl::Seconds(1));
  EXPECT_TRUE(
      suspects_.Has({"EVALSHA", "5ba9", "1", "mneme:{hung}7:default:v", "1"}));
  EXPECT_TRUE(suspects_.Has({"EVAL", "return 1", "1", "{hung}", "1"}));
  EXPECT_FALSE(suspects_.Has({"EVALSHA", "5ba9", "1", "mneme:i:7:default:s"}));
  EXPECT_FALSE(suspects_.Has({"TIME"}));
}

TEST_F(RedisSuspectsTest, AKeyWithoutATagRestsAlone) {
  for (const char* key : {"mneme:i:1:t:a", "mneme:i:1:t:{}", "mneme:i:1:t:{"}) {
    RedisSuspects suspects;
    suspects.Note({{"HGET", key, "r"}}, {Error("upstream failure")}, now_,
                  now_ + absl::Seconds(1));
    EXPECT_TRUE(suspects.Has({"HMGET", key, "r", "g"}));
    EXPECT_FALSE(suspects.Has({"HMGET", "mneme:i:1:t:b", "r"}));
  }
}

TEST_F(RedisSuspectsTest, WhatIsAnsweredIsNoSuspectAnyMore) {
  NoteFailure(absl::Seconds(1));
  now_ += absl::Seconds(4);
  suspects_.Note({kHung}, {RedisReply()}, now_, now_);
  NoteFailure(absl::Milliseconds(1));
  EXPECT_FALSE(suspects_.any_rest(now_));
}

TEST_F(RedisSuspectsTest, WhatHangsStillRestsAgain) {
  NoteFailure(absl::Seconds(1));
  now_ += absl::Seconds(4);
  NoteFailure(absl::Seconds(1));
  EXPECT_TRUE(suspects_.any_rest(now_));
  EXPECT_TRUE(suspects_.Has(kHung));
}

}  // namespace
}  // namespace mneme
