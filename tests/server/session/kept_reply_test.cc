#include "server/session/kept_reply.h"

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

KeptReply Example() {
  KeptReply reply;
  reply.digest.fill(3);
  reply.request = {{"argmax", "top_k"}, 2, true};
  reply.extra_inputs = {{"decoder_tokens", {1, 2, 3}}};
  reply.outputs = {
      {"argmax", DType::kInt32, {1}, std::string("\1\0\0\0", 4)},
      {"top_k", DType::kInt32, {1, 2}, std::string("\1\0\0\0\2\0\0\0", 8)}};
  return reply;
}

TEST(KeptReplyTest, DecodesWhatWasEncoded) {
  const KeptReply reply = Example();
  ASSERT_OK_AND_ASSIGN(const KeptReply back,
                       DecodeKeptReply(EncodeKeptReply(reply, 24)));
  EXPECT_EQ(back.digest, reply.digest);
  EXPECT_TRUE(Answers(back, reply.request, reply.extra_inputs));
  ASSERT_EQ(back.outputs.size(), 2u);
  EXPECT_EQ(back.outputs[1].name, "top_k");
  EXPECT_EQ(back.outputs[1].dtype, DType::kInt32);
  EXPECT_EQ(back.outputs[1].shape, reply.outputs[1].shape);
  EXPECT_EQ(back.outputs[1].data, reply.outputs[1].data);
}

TEST(KeptReplyTest, AnswersOnlyTheSameQuestion) {
  const KeptReply reply = Example();
  OutputRequest other = reply.request;
  other.top_k = 3;
  EXPECT_FALSE(Answers(reply, other, reply.extra_inputs));
  other = reply.request;
  other.last_position_only = false;
  EXPECT_FALSE(Answers(reply, other, reply.extra_inputs));
  other = reply.request;
  other.names.pop_back();
  EXPECT_FALSE(Answers(reply, other, reply.extra_inputs));
  EXPECT_FALSE(Answers(reply, reply.request, {}));
  EXPECT_FALSE(Answers(reply, reply.request, {{"decoder_tokens", {1, 2, 4}}}));
}

TEST(KeptReplyTest, OutputsAndExtraInputsAboveTheLimitAreLeftOut) {
  const KeptReply reply = Example();
  ASSERT_OK_AND_ASSIGN(const KeptReply back,
                       DecodeKeptReply(EncodeKeptReply(reply, 23)));
  EXPECT_EQ(back.digest, reply.digest);
  EXPECT_TRUE(back.outputs.empty());
  EXPECT_TRUE(back.extra_inputs.empty());
  EXPECT_FALSE(Answers(back, reply.request, reply.extra_inputs));
}

TEST(KeptReplyTest, ARequestForNothingIsAnsweredByAnything) {
  EXPECT_TRUE(Answers(Example(), OutputRequest(), {}));
}

TEST(KeptReplyTest, EveryTruncationIsDataLossNotACrash) {
  const std::string bytes = EncodeKeptReply(Example(), 24);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_THAT(DecodeKeptReply(bytes.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss));
  }
}

TEST(KeptReplyTest, EveryFlippedByteIsReadOrRefused) {
  const std::string bytes = EncodeKeptReply(Example(), 24);
  for (size_t i = 0; i < bytes.size(); ++i) {
    std::string flipped = bytes;
    flipped[i] = static_cast<char>(flipped[i] ^ 0x5a);
    const auto reply = DecodeKeptReply(flipped);
    if (!reply.ok()) {
      EXPECT_THAT(reply, StatusIs(absl::StatusCode::kDataLoss));
    }
  }
}

}  // namespace
}  // namespace mneme
