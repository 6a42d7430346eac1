#include "model/train/write_model_folder.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/load_model.h"
#include "model/train/eval_task.h"
#include "model/train/evaluate.h"
#include "tests/model/train/tiny_model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_folder.h"

namespace mneme {
namespace {

// Bits per byte of one stream through the server's own interface.
double ServedBitsPerByte(SequenceModel* model, const std::string& text,
                         size_t segment, bool reset) {
  OutputRequest request;
  request.names = {"log_probs"};
  MemoryRef memory = model->InitialMemory();
  double nats = 0;
  for (size_t begin = 0; begin < text.size(); begin += segment) {
    std::vector<int32_t> tokens;
    for (const char c : text.substr(begin, segment)) {
      tokens.push_back(static_cast<uint8_t>(c));
    }
    StepRow row;
    row.tokens = tokens;
    row.memory = memory;
    row.fresh = begin == 0;
    row.reset_memory = reset;
    row.request = &request;
    auto result = model->Step({&row, 1});
    if (!result.ok()) return std::nan("");
    memory = (*result)[0].memory;
    const std::string& data = (*result)[0].outputs[0].data;
    for (size_t i = begin == 0 ? 1 : 0; i < tokens.size(); ++i) {
      float log_prob = 0;
      std::memcpy(&log_prob, data.data() + i * sizeof(float), sizeof(float));
      nats -= static_cast<double>(log_prob);
    }
  }
  return nats / std::log(2.0) / static_cast<double>(text.size() - 1);
}

class WriteModelFolderTest : public ::testing::TestWithParam<const char*> {};

TEST_P(WriteModelFolderTest, TheServersModelScoresATextAsTheTrainerDoes) {
  const TempFolder folder;
  ModelShape shape = TinyShape(3, 8);
  shape.backbone = GetParam();
  const TinyModel model(shape);
  ASSERT_OK(WriteModelFolder(folder.File("m"), ModelConfigJson(shape),
                             *model.parameters, at::kFloat));
  ASSERT_OK_AND_ASSIGN(const auto served, LoadModel(folder.File("m"), {}));
  const std::string text = RecallText(9).substr(0, 67);
  at::Tensor bytes = at::empty({67}, at::kByte);
  std::copy(text.begin(), text.end(), bytes.mutable_data_ptr<uint8_t>());
  for (const bool reset : {false, true}) {
    const double trained =
        Evaluate(*model.backbone, model.parameters->memory(), bytes,
                 {.streams = 1, .segment = 8, .reset = reset})
            .bits_per_byte;
    EXPECT_NEAR(ServedBitsPerByte(served.get(), text, 8, reset), trained, 1e-4)
        << GetParam() << (reset ? " reset" : " carry");
  }
}

INSTANTIATE_TEST_SUITE_P(Backbones, WriteModelFolderTest,
                         ::testing::Values("gpt2", "llama", "gpt_neox"));

TEST(EvalTaskTest, ScoresAModelFolder) {
  const TempFolder folder;
  const ModelShape shape = TinyShape(3, 8);
  const TinyModel model(shape);
  ASSERT_OK(WriteModelFolder(folder.File("m"), ModelConfigJson(shape),
                             *model.parameters, at::kFloat));
  EvalTaskOptions options;
  options.model = folder.File("m");
  options.data = folder.Write("text", RecallText(9));
  options.splits.test = 67;
  options.streams = 1;
  ASSERT_OK_AND_ASSIGN(const LmScores scores, RunEvalTask(options));
  ASSERT_OK_AND_ASSIGN(const auto served, LoadModel(folder.File("m"), {}));
  const std::string text = RecallText(9).substr(5);
  EXPECT_NEAR(scores.test_carry,
              ServedBitsPerByte(served.get(), text, 8, false), 1e-4);
  EXPECT_NEAR(scores.test_reset, ServedBitsPerByte(served.get(), text, 8, true),
              1e-4);
  EXPECT_EQ(scores.valid_carry, 0.0);
}

TEST(EvalTaskTest, NamesAMissingFolder) {
  const TempFolder folder;
  EvalTaskOptions options;
  options.model = folder.File("none");
  options.data = folder.Write("text", RecallText(9));
  options.splits.test = 8;
  EXPECT_THAT(RunEvalTask(options), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace mneme
