#include "model/train/options.h"

#include <cmath>
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

TEST(LmOptionsTest, RefusesNumbersThatNoRunCanUse) {
  const auto refused = [](auto change) {
    LmOptions options = Valid();
    change(&options);
    const absl::Status status = Validate(options);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument,
                                 HasSubstr("; expected ")));
    return std::string(status.message());
  };
  const double nan = std::nan(""), infinite = HUGE_VAL;
  EXPECT_THAT(refused([](auto* o) { o->beta1 = 1; }), HasSubstr("--beta1 1;"));
  EXPECT_THAT(refused([](auto* o) { o->beta2 = -0.1; }), HasSubstr("--beta2"));
  EXPECT_THAT(refused([](auto* o) { o->epsilon = 0; }), HasSubstr("--epsilon"));
  EXPECT_THAT(refused([=](auto* o) { o->learning_rate = nan; }),
              HasSubstr("--lr"));
  EXPECT_THAT(refused([=](auto* o) { o->clip = infinite; }),
              HasSubstr("--clip"));
  EXPECT_THAT(refused([](auto* o) { o->weight_decay = -1; }),
              HasSubstr("--weight-decay"));
  EXPECT_THAT(refused([](auto* o) { o->embedding_std = -1; }),
              HasSubstr("--embedding-std"));
  EXPECT_THAT(refused([](auto* o) { o->final_rate = 2; }),
              HasSubstr("--final-lr"));
  EXPECT_THAT(refused([=](auto* o) { o->seconds = nan; }),
              HasSubstr("--seconds"));
  EXPECT_THAT(refused([](auto* o) { o->eval_every = -1; }),
              HasSubstr("--eval-every"));
  EXPECT_THAT(refused([](auto* o) { o->eval_bytes = -1; }),
              HasSubstr("--eval-bytes"));
  EXPECT_THAT(refused([](auto* o) { o->checkpoint_every = -1; }),
              HasSubstr("--checkpoint-every"));
  EXPECT_THAT(refused([](auto* o) { o->checkpoint_piece_bytes = 16; }),
              HasSubstr("--checkpoint-piece-bytes 16; expected at least"));
  EXPECT_THAT(refused([](auto* o) { o->checkpoint_piece_bytes = -1; }),
              HasSubstr("--checkpoint-piece-bytes"));
  EXPECT_THAT(refused([](auto* o) { o->threads = -1; }),
              HasSubstr("--threads"));
  EXPECT_THAT(refused([](auto* o) { o->device = "tpu"; }),
              HasSubstr("--device \"tpu\""));
  EXPECT_THAT(refused([](auto* o) { o->data_sha256 = "abc"; }),
              HasSubstr("--data-sha256"));
  EXPECT_THAT(refused([](auto* o) { o->splits.valid = -1; }),
              HasSubstr("--valid-bytes"));
}

TEST(LmOptionsTest, EvalFlagsSetTheirFields) {
  EvalTaskOptions options;
  CLI::App app;
  AddEvalFlags(&app, &options);
  app.parse(
      "--model m --data t --data-sha256 ab --train-bytes 1 --valid-bytes 2 "
      "--test-bytes 3 --streams 4 --device cuda:1 --precision bfloat16 "
      "--threads 5");
  EXPECT_EQ(options.model, "m");
  EXPECT_EQ(options.data, "t");
  EXPECT_EQ(options.data_sha256, "ab");
  EXPECT_EQ(options.splits.train, 1);
  EXPECT_EQ(options.splits.valid, 2);
  EXPECT_EQ(options.splits.test, 3);
  EXPECT_EQ(options.streams, 4);
  EXPECT_EQ(options.device, "cuda:1");
  EXPECT_EQ(options.precision, "bfloat16");
  EXPECT_EQ(options.threads, 5);
}

TEST(LmOptionsTest, EvalNeedsAModelAndAText) {
  for (const char* line : {"--data t", "--model m", ""}) {
    EvalTaskOptions options;
    CLI::App app;
    AddEvalFlags(&app, &options);
    EXPECT_THROW(app.parse(line), CLI::RequiredError) << line;
  }
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
