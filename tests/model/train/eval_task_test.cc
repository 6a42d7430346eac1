#include "model/train/eval_task.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/train/write_model_folder.h"
#include "tests/model/train/tiny_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

class EvalTaskRunTest : public ::testing::Test {
 protected:
  EvalTaskRunTest() {
    const ModelShape shape = TinyShape(2, 4);
    const TinyModel model(shape);
    options_.model = folder_.File("model");
    EXPECT_OK(WriteModelFolder(options_.model, ModelConfigJson(shape),
                               *model.parameters, at::kFloat));
    options_.data = folder_.Write("text", RecallText(200));
    options_.splits = {0, 160, 320};
    options_.streams = 4;
  }
  template <typename Change>
  void ExpectRefused(Change change, const std::string& what) const {
    EvalTaskOptions bad = options_;
    change(&bad);
    EXPECT_THAT(RunEvalTask(bad),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(what)));
  }

  const TempFolder folder_;
  EvalTaskOptions options_;
};

TEST_F(EvalTaskRunTest, ScoresBothSplitsWithAndWithoutMemory) {
  ASSERT_OK_AND_ASSIGN(const LmScores scores, RunEvalTask(options_));
  EXPECT_GT(scores.valid_carry, 0);
  EXPECT_GT(scores.test_carry, 0);
  EXPECT_NE(scores.test_carry, scores.test_reset);
  options_.precision = "float32";  // what the CPU computes in by itself
  ASSERT_OK_AND_ASSIGN(const LmScores same, RunEvalTask(options_));
  EXPECT_EQ(same.test_carry, scores.test_carry);
  options_.precision = "bfloat16";
  ASSERT_OK_AND_ASSIGN(const LmScores rounded, RunEvalTask(options_));
  EXPECT_NE(rounded.test_carry, scores.test_carry);
}

TEST_F(EvalTaskRunTest, RefusesBadOptionsByTheirFlag) {
  ExpectRefused([](auto* o) { o->precision = "half"; },
                "--precision \"half\"; expected \"float32\" or \"bfloat16\"");
  ExpectRefused([](auto* o) { o->device = "tpu"; },
                "--device \"tpu\"; expected \"cpu\", \"cuda\" or \"cuda:N\"");
  ExpectRefused([](auto* o) { o->streams = 0; },
                "--streams 0; expected at least 1");
  ExpectRefused([](auto* o) { o->threads = -1; },
                "--threads -1; expected 0 or more");
  ExpectRefused([](auto* o) { o->splits.test = -1; }, "--test-bytes -1");
  ExpectRefused(
      [](auto* o) {
        o->splits = {5, 0, 0};
      },
      "--valid-bytes and --test-bytes 0; expected");
  ExpectRefused([](auto* o) { o->data_sha256 = "x"; }, "--data-sha256");
  ExpectRefused([](auto* o) { o->data = ""; }, "--data");
  ExpectRefused([](auto* o) { o->model = ""; }, "--model");
}

TEST_F(EvalTaskRunTest, NamesADeviceThatThisMachineLacks) {
  options_.device = "cuda:77";
  EXPECT_THAT(RunEvalTask(options_),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("--device \"cuda:77\"")));
}

}  // namespace
}  // namespace mneme
