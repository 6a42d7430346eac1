#include "model/train/options.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/train/lm_flags.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

LmOptions Valid() {
  LmOptions options;
  options.data = "text";
  options.out = "folder";
  options.tokens = 1;
  return options;
}

TEST(LmOptionsTest, DefaultsAreValidOnceDataOutAndALengthAreGiven) {
  EXPECT_OK(Validate(Valid()));
}

TEST(LmOptionsTest, RefusesBadValuesByTheirFlag) {
  const auto refused = [](auto change) {
    LmOptions options = Valid();
    change(&options);
    return std::string(Validate(options).message());
  };
  EXPECT_THAT(refused([](auto* o) { o->data = ""; }), HasSubstr("--data"));
  EXPECT_THAT(refused([](auto* o) { o->out = ""; }), HasSubstr("--out"));
  EXPECT_THAT(refused([](auto* o) { o->tokens = 0; }), HasSubstr("--tokens"));
  EXPECT_THAT(refused([](auto* o) { o->bptt = "0"; }), HasSubstr("--bptt"));
  EXPECT_THAT(refused([](auto* o) { o->clip = 0; }), HasSubstr("--clip"));
  EXPECT_THAT(refused([](auto* o) { o->streams = 0; }), HasSubstr("--streams"));
  EXPECT_THAT(refused([](auto* o) { o->model.heads = 7; }),
              HasSubstr("--heads"));
  EXPECT_THAT(refused([](auto* o) { o->model.memory = -1; }),
              HasSubstr("--memory"));
  EXPECT_THAT(refused([](auto* o) { o->model.backbone = "rnn"; }),
              HasSubstr("--backbone"));
  EXPECT_THAT(refused([](auto* o) { o->precision = "half"; }),
              HasSubstr("--precision"));
  EXPECT_THAT(refused([](auto* o) { o->reset_probability = 1.5; }),
              HasSubstr("--reset-probability"));
}

TEST(LmOptionsTest, FlagsSetTheirFields) {
  LmOptions options;
  CLI::App app;
  AddLmFlags(&app, &options);
  app.parse(
      "--data t --out o --layers 2 --bptt 2:0.5,4:0.5 --no-graphs "
      "--valid-bytes 5 --seed 9 --resume --lr 0.5");
  EXPECT_EQ(options.data, "t");
  EXPECT_EQ(options.model.layers, 2);
  EXPECT_EQ(options.bptt, "2:0.5,4:0.5");
  EXPECT_FALSE(options.graphs);
  EXPECT_EQ(options.splits.valid, 5);
  EXPECT_EQ(options.seed, 9u);
  EXPECT_TRUE(options.resume);
  EXPECT_DOUBLE_EQ(options.learning_rate, 0.5);
}

TEST(LmOptionsTest, TheConfigHasPositionsForTokensAndBothMemories) {
  ModelShape shape;
  shape.segment = 100;
  shape.memory = 7;
  const nlohmann::json config = ModelConfigJson(shape);
  EXPECT_EQ(config["architecture"], "rmt");
  EXPECT_EQ(config["num_mem_tokens"], 7);
  EXPECT_EQ(config["backbone"]["n_positions"], 114);
}

}  // namespace
}  // namespace mneme
