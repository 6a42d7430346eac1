// Extra inputs are bounded where a message comes in and where a model runs it.

#include "model/memory/oracle.h"
#include "server/rpc/read_request.h"
#include "server/session/request_check.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

class ExtraInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ModelConfig config;
    config.architecture = "oracle";
    config.name = "oracle";
    config.segment_size = 8;
    config.vocab_size = 50;
    config.extra_inputs = {"decoder_tokens"};
    ASSERT_OK_AND_ASSIGN(model_, MakeOracle(config));
    most_ = model_->spec().FindExtraInput("decoder_tokens")->max_tokens;
    ASSERT_GT(most_, 0);
  }

  static std::vector<NamedTokens> Input(int64_t tokens) {
    return {{"decoder_tokens",
             std::vector<int32_t>(static_cast<size_t>(tokens), 1)}};
  }

  absl::Status Step(const std::vector<NamedTokens>& input) {
    const std::vector<int32_t> tokens = {1, 2};
    const OutputRequest request = {.names = {"decoded"}};
    StepRow row;
    row.tokens = tokens;
    row.extra_inputs = input;
    row.memory = model_->InitialMemory();
    row.fresh = true;
    row.request = &request;
    return model_->Step({&row, 1}).status();
  }

  std::unique_ptr<SequenceModel> model_;
  int64_t most_ = 0;
};

TEST_F(ExtraInputTest, AModelRefusesOneThatIsTooLong) {
  EXPECT_OK(Step(Input(most_)));
  EXPECT_THAT(Step(Input(most_ + 1)),
              StatusIs(kInvalid, HasSubstr("row 0: decoder_tokens")));
}

TEST_F(ExtraInputTest, AMessageWithOneThatIsTooLongIsRefused) {
  SegmentRequest request;
  request.extra_inputs = Input(most_);
  EXPECT_OK(CheckRequest(model_->spec(), SessionLimits(), request));
  request.extra_inputs = Input(most_ + 1);
  EXPECT_THAT(CheckRequest(model_->spec(), SessionLimits(), request),
              StatusIs(kInvalid, HasSubstr("extra_inputs[0].ids")));
}

TEST_F(ExtraInputTest, WhatItMakesCountsForEverySegmentOfAMessage) {
  SegmentRequest request;
  request.tokens.resize(1 << 20);
  request.outputs.names = {"decoded"};
  request.extra_inputs = Input(most_);
  EXPECT_THAT(CheckReplySize(request, model_->spec(), int64_t{1} << 30),
              StatusIs(kInvalid, HasSubstr("outputs")));
}

}  // namespace
}  // namespace mneme
