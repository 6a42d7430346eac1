#include "model/train/run_identity.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class RunIdentityTest : public ::testing::Test {
 protected:
  nlohmann::json Of(const LmOptions& options, SplitSizes splits = {0, 2, 1},
                    const std::string& precision = "float32") const {
    return RunIdentity(options,
                       *Corpus::Load(folder_.Write("text", text_), splits, ""),
                       precision);
  }
  // The difference that `change` to the options makes.
  template <typename Change>
  absl::Status Changed(Change change) const {
    LmOptions options;
    change(&options);
    return CheckIdentity(Of({}), Of(options), "c/state.json");
  }

  const TempFolder folder_;
  std::string text_ = "0123456789";
};

TEST_F(RunIdentityTest, SurvivesBeingWrittenAndRead) {
  LmOptions options;
  options.learning_rate = 0.1 + 0.2;
  const nlohmann::json identity = Of(options);
  EXPECT_OK(
      CheckIdentity(nlohmann::json::parse(identity.dump()), identity, ""));
}

TEST_F(RunIdentityTest, EachOptionThatChangesTheCurveIsNamed) {
  const auto refused = [](const std::string& flag) {
    return StatusIs(absl::StatusCode::kFailedPrecondition,
                    AllOf(HasSubstr("--resume: c/state.json is of another run"),
                          HasSubstr(flag + " was")));
  };
  EXPECT_THAT(Changed([](auto* o) { o->model.backbone = "llama"; }),
              refused("--backbone"));
  EXPECT_THAT(Changed([](auto* o) { o->model.layers = 9; }),
              refused("--layers"));
  EXPECT_THAT(Changed([](auto* o) { o->model.segment = 9; }),
              refused("--segment"));
  EXPECT_THAT(Changed([](auto* o) { o->streams = 9; }), refused("--streams"));
  EXPECT_THAT(Changed([](auto* o) { o->bptt = "9"; }), refused("--bptt"));
  EXPECT_THAT(Changed([](auto* o) { o->reset_probability = 1; }),
              refused("--reset-probability"));
  EXPECT_THAT(Changed([](auto* o) { o->learning_rate = 1; }), refused("--lr"));
  EXPECT_THAT(Changed([](auto* o) { o->warmup = 1; }), refused("--warmup"));
  EXPECT_THAT(Changed([](auto* o) { o->final_rate = 1; }),
              refused("--final-lr"));
  EXPECT_THAT(Changed([](auto* o) { o->beta1 = 0; }), refused("--beta1"));
  EXPECT_THAT(Changed([](auto* o) { o->beta2 = 0; }), refused("--beta2"));
  EXPECT_THAT(Changed([](auto* o) { o->epsilon = 1; }), refused("--epsilon"));
  EXPECT_THAT(Changed([](auto* o) { o->weight_decay = 1; }),
              refused("--weight-decay"));
  EXPECT_THAT(Changed([](auto* o) { o->clip = 9; }), refused("--clip"));
  EXPECT_THAT(Changed([](auto* o) { o->seed = 9; }), refused("--seed"));
}

TEST_F(RunIdentityTest, TheTextItsSplitsAndThePrecisionAreNamed) {
  const nlohmann::json saved = Of({});
  EXPECT_THAT(CheckIdentity(saved, Of({}, {0, 2, 1}, "bfloat16"), "").message(),
              HasSubstr("--precision was \"float32\", is \"bfloat16\""));
  EXPECT_THAT(CheckIdentity(saved, Of({}, {0, 3, 1}), "").message(),
              AllOf(HasSubstr("--train-bytes was 7, is 6"),
                    HasSubstr("--valid-bytes was 2, is 3"),
                    Not(HasSubstr("--test-bytes"))));
  text_[0] = 'x';
  EXPECT_THAT(CheckIdentity(saved, Of({}), "").message(),
              AllOf(HasSubstr("--data (its sha256) was"),
                    Not(HasSubstr("--train-bytes"))));
}

TEST_F(RunIdentityTest, LimitsIntervalsNamesAndTheMachineMayChange) {
  EXPECT_OK(Changed([](auto* o) {
    o->tokens = 5;
    o->seconds = 5;
    o->log_every = 5;
    o->eval_every = 5;
    o->checkpoint_every = 5;
    o->checkpoint_piece_bytes = kLeastPieceBytes;
    o->threads = 5;
    o->device = "cuda";
    o->graphs = false;
    o->out = "elsewhere";
    o->model.name = "other";
  }));
}

TEST_F(RunIdentityTest, ASavedOneThatIsNoneIsAnotherRun) {
  for (const nlohmann::json& saved :
       {nlohmann::json(), nlohmann::json("x"), nlohmann::json::array({1})}) {
    EXPECT_THAT(CheckIdentity(saved, Of({}), ""),
                StatusIs(absl::StatusCode::kFailedPrecondition,
                         HasSubstr("--seed was not told, is 1")));
  }
}

}  // namespace
}  // namespace mneme
