#include "server/rpc/read_request.h"

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

ModelSpec Model() {
  ModelSpec model;
  model.name = "m";
  model.segment_size = 8;
  model.vocab_size = 256;
  model.tokenizer = "bytes";
  model.outputs = {{"logits", DType::kFloat32, {-1, 256}},
                   {"top_k", DType::kInt32, {-1, -1}},
                   {"argmax", DType::kInt32, {-1}}};
  return model;
}

v1::SegmentRequest At(const std::string& digest) {
  v1::SegmentRequest message;
  message.mutable_at()->mutable_handle()->set_digest(digest);
  return message;
}

TEST(ReadRequestTest, ReadsEveryField) {
  v1::SegmentRequest message = At(std::string(31, 'a') + "b");
  message.mutable_at()->mutable_handle()->set_step(7);
  message.mutable_at()->mutable_handle()->set_session_id("s");
  message.mutable_at()->set_tail(3);
  message.mutable_tokens()->add_ids(5);
  message.mutable_flush()->set_tail(4);
  message.mutable_outputs()->add_names("argmax");
  message.mutable_outputs()->set_top_k(9);
  message.mutable_outputs()->set_last_position_only(true);
  message.set_priority(v1::LOW);
  message.add_extra_inputs()->set_name("decoder_tokens");
  message.mutable_extra_inputs(0)->add_ids(6);
  ASSERT_OK_AND_ASSIGN(const SegmentRequest request,
                       ReadSegmentRequest(message, "s", Model()));
  const Position at = request.at.value_or(Position());
  EXPECT_EQ(at.handle.step, 7);
  EXPECT_EQ(at.handle.digest[31], 'b');
  EXPECT_EQ(at.tail, 3);
  EXPECT_THAT(request.tokens, ElementsAre(5));
  EXPECT_FALSE(request.from_text);
  EXPECT_EQ(request.flush_tail.value_or(0), 4);
  EXPECT_THAT(request.outputs.names, ElementsAre("argmax"));
  EXPECT_EQ(request.outputs.top_k, 9);
  EXPECT_TRUE(request.outputs.last_position_only);
  EXPECT_EQ(request.priority, Priority::kLow);
  EXPECT_EQ(request.extra_inputs[0].name, "decoder_tokens");
  EXPECT_THAT(request.extra_inputs[0].tokens, ElementsAre(6));
}

TEST(ReadRequestTest, AnEmptyMessageIsABlindLookAtThePlace) {
  ASSERT_OK_AND_ASSIGN(const SegmentRequest request,
                       ReadSegmentRequest(v1::SegmentRequest(), "s", Model()));
  EXPECT_FALSE(request.at.has_value());
  EXPECT_FALSE(request.flush_tail.has_value());
  EXPECT_THAT(request.tokens, IsEmpty());
}

TEST(ReadRequestTest, TextIsATokenAByte) {
  v1::SegmentRequest message;
  message.set_text(std::string("A\xff\0", 3));
  ASSERT_OK_AND_ASSIGN(const SegmentRequest request,
                       ReadSegmentRequest(message, "s", Model()));
  EXPECT_THAT(request.tokens, ElementsAre(65, 255, 0));
  EXPECT_TRUE(request.from_text);
}

TEST(ReadRequestTest, RefusesTextForAModelWithoutTokenizer) {
  v1::SegmentRequest message;
  message.set_text("A");
  ModelSpec model = Model();
  model.tokenizer = "";
  EXPECT_THAT(
      ReadSegmentRequest(message, "s", model),
      StatusIs(kInvalid, "text: model 'm' has no tokenizer; send tokens"));
}

TEST(ReadRequestTest, RefusesTextBeyondASmallVocabulary) {
  v1::SegmentRequest message;
  message.set_text("AB");
  ModelSpec model = Model();
  model.vocab_size = 66;
  EXPECT_THAT(ReadSegmentRequest(message, "s", model),
              StatusIs(kInvalid, AllOf(HasSubstr("text: byte 1 is 66"),
                                       HasSubstr("0 to 65"))));
}

TEST(ReadRequestTest, RefusesADigestOfAnotherSize) {
  EXPECT_THAT(ReadSegmentRequest(At("1234567"), "s", Model()),
              StatusIs(kInvalid, "at.handle.digest: expected 32 bytes, got 7"));
}

TEST(ReadRequestTest, RefusesAPlaceWithoutHandle) {
  v1::SegmentRequest message;
  message.mutable_at()->set_tail(1);
  EXPECT_THAT(ReadSegmentRequest(message, "s", Model()),
              StatusIs(kInvalid, HasSubstr("at.handle: missing")));
}

TEST(ReadRequestTest, RefusesAHandleOfAnotherSession) {
  v1::SegmentRequest message = At(std::string(32, 'a'));
  message.mutable_at()->mutable_handle()->set_session_id("\nother");
  EXPECT_THAT(
      ReadSegmentRequest(message, "s", Model()),
      StatusIs(kInvalid, HasSubstr("at.handle.session_id: is '\\nother'")));
}

TEST(ReadRequestTest, APriorityIsOneOfThree) {
  EXPECT_THAT(ReadPriority(v1::HIGH), IsOkAndHolds(Priority::kHigh));
  EXPECT_THAT(ReadPriority(v1::NORMAL), IsOkAndHolds(Priority::kNormal));
  EXPECT_THAT(ReadPriority(v1::LOW), IsOkAndHolds(Priority::kLow));
  EXPECT_THAT(ReadPriority(v1::PRIORITY_UNSPECIFIED),
              IsOkAndHolds(Priority::kNormal));
  EXPECT_THAT(ReadPriority(static_cast<v1::Priority>(4)),
              StatusIs(kInvalid,
                       "priority: no priority has the number 4, expected "
                       "HIGH, NORMAL or LOW"));
}

TEST(ReadRequestTest, TimeoutsMustBePositiveDurations) {
  v1::SegmentRequest message;
  EXPECT_THAT(ReadTimeout(message), IsOkAndHolds(absl::InfiniteDuration()));
  message.mutable_timeout()->set_seconds(2);
  EXPECT_THAT(ReadTimeout(message), IsOkAndHolds(absl::Seconds(2)));
  message.mutable_timeout()->set_seconds(0);
  EXPECT_THAT(ReadTimeout(message), StatusIs(kInvalid, HasSubstr("timeout")));
  message.mutable_timeout()->set_nanos(2'000'000'000);
  EXPECT_THAT(ReadTimeout(message), StatusIs(kInvalid, HasSubstr("timeout")));
}

// What a segment's part of a reply has besides its outputs.
constexpr int64_t kSegmentBytes = 256;

TEST(ReadRequestTest, RefusesARequestWhoseReplyWouldBeTooLarge) {
  SegmentRequest request;
  request.tokens.resize(96);
  request.outputs.names = {"logits"};
  const int64_t bytes = 96 * 256 * 4 + 12 * kSegmentBytes;
  EXPECT_EQ(MostReplyBytes(request, Model()), bytes);
  EXPECT_OK(CheckReplySize(request, Model(), bytes));
  EXPECT_THAT(CheckReplySize(request, Model(), bytes - 1),
              StatusIs(kInvalid, HasSubstr("outputs: a reply to 96 tokens")));
  request.outputs.last_position_only = true;
  EXPECT_EQ(MostReplyBytes(request, Model()),
            12 * 256 * 4 + 12 * kSegmentBytes);
}

TEST(ReadRequestTest, AReplyIsOfWholeSegmentsAndWhatAFlushSaysIsLeft) {
  SegmentRequest request;
  request.outputs.names = {"logits"};
  const auto bytes = [&](size_t tokens, std::optional<uint64_t> flush_tail) {
    request.tokens.resize(tokens);
    request.flush_tail = flush_tail;
    return MostReplyBytes(request, Model());
  };
  const auto reply = [](int64_t positions, int64_t segments) {
    return positions * 256 * 4 + segments * kSegmentBytes;
  };
  EXPECT_EQ(bytes(0, {}), 0);
  EXPECT_EQ(bytes(1, {}), reply(8, 1));
  EXPECT_EQ(bytes(9, {}), reply(16, 2));
  EXPECT_EQ(bytes(9, 3), reply(11, 2));  // after a tail of 2
  EXPECT_EQ(bytes(0, 7), reply(7, 1));
  EXPECT_EQ(bytes(8, 0), reply(8, 1));
}

TEST(ReadRequestTest, ATopKReplyIsLargeByItsK) {
  SegmentRequest request;
  request.tokens.resize(88);
  request.outputs.names = {"top_k", "no such output"};
  request.outputs.top_k = 10;
  EXPECT_EQ(MostReplyBytes(request, Model()), 88 * 10 * 4 + 11 * kSegmentBytes);
  request.outputs.top_k = 4'000'000'000;
  EXPECT_GT(MostReplyBytes(request, Model()), int64_t{1} << 40);
}

TEST(ReadRequestTest, AnOutputOfAnExtraInputIsAsLongAsItForEverySegment) {
  ModelSpec model = Model();
  model.extra_inputs = {{"decoder_tokens", 1'000'000}};
  model.outputs = {{"decoded", DType::kInt64, {-1}, "decoder_tokens"}};
  SegmentRequest request;
  request.tokens.resize(800'000);
  request.outputs.names = {"decoded"};
  EXPECT_EQ(MostReplyBytes(request, model), 100'000 * kSegmentBytes);
  request.extra_inputs = {{"decoder_tokens", std::vector<int32_t>(1000)}};
  EXPECT_EQ(MostReplyBytes(request, model), 100'000 * (8'000 + kSegmentBytes));
  request.outputs.last_position_only = true;
  EXPECT_EQ(MostReplyBytes(request, model), 100'000 * (8'000 + kSegmentBytes));
}

TEST(ReadRequestTest, AnOutputOfFixedSizeCountsForEverySegment) {
  ModelSpec model = Model();
  model.outputs = {{"noise", DType::kInt64, {3}}};
  SegmentRequest request;
  request.tokens.resize(80);
  request.outputs.names = {"noise"};
  EXPECT_EQ(MostReplyBytes(request, model), 10 * (3 * 8 + kSegmentBytes));
}

TEST(ReadRequestTest, PoliciesAndDurabilities) {
  EXPECT_THAT(ReadPolicy(v1::MEMORY_POLICY_UNSPECIFIED),
              IsOkAndHolds(MemoryPolicy::kCarry));
  EXPECT_THAT(ReadPolicy(v1::RESET), IsOkAndHolds(MemoryPolicy::kReset));
  EXPECT_THAT(ReadPolicy(static_cast<v1::MemoryPolicy>(7)),
              StatusIs(kInvalid, HasSubstr("memory_policy")));
  EXPECT_THAT(ReadDurability(v1::DURABILITY_UNSPECIFIED, Durability::kMemory),
              IsOkAndHolds(Durability::kMemory));
  EXPECT_THAT(ReadDurability(v1::SYNC, Durability::kMemory),
              IsOkAndHolds(Durability::kSync));
  EXPECT_THAT(ReadDurability(static_cast<v1::Durability>(9), Durability::kSync),
              StatusIs(kInvalid, HasSubstr("durability")));
}

TEST(ReadRequestTest, PageTokensComeBackForAnyId) {
  for (const std::string& id :
       {std::string("a"), std::string("after:"), std::string("\xff\0/", 3)}) {
    EXPECT_THAT(ReadPageToken(MakePageToken(id)), IsOkAndHolds(id));
  }
  EXPECT_THAT(ReadPageToken(""), IsOkAndHolds(""));
}

TEST(ReadRequestTest, RefusesPageTokensOfItsOwnMaking) {
  for (const std::string token : {"a", "YWJj", "!!", "\xff"}) {
    EXPECT_THAT(ReadPageToken(token),
                StatusIs(kInvalid, HasSubstr("page_token")));
  }
}

TEST(ReadRequestTest, PageSizesHaveADefaultAndALimit) {
  EXPECT_THAT(ReadPageSize(0), IsOkAndHolds(100));
  EXPECT_THAT(ReadPageSize(1000), IsOkAndHolds(1000));
  EXPECT_THAT(ReadPageSize(1001), StatusIs(kInvalid, HasSubstr("page_size")));
}

}  // namespace
}  // namespace mneme
