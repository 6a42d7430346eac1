#include "model/train/train_step.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <cmath>

#include "gtest/gtest.h"
#include "tests/model/train/tiny_model.h"

namespace mneme {
namespace {

constexpr int64_t kSegment = 4;

class TrainStepTest : public ::testing::Test {
 protected:
  TrainStepTest() {
    const std::string bytes = RecallText(40);
    text_ = at::empty({static_cast<int64_t>(bytes.size())}, at::kByte);
    std::copy(bytes.begin(), bytes.end(), text_.mutable_data_ptr<uint8_t>());
    TrainStep::Options options;
    options.streams = 2;
    options.segment = kSegment;
    step_ = std::make_unique<TrainStep>(options, model_.backbone.get(),
                                        model_.parameters.get(), text_);
  }
  at::Tensor Master() const { return model_.parameters->master().clone(); }

  const TinyModel model_{TinyShape(3, kSegment)};
  at::Tensor text_;
  std::unique_ptr<TrainStep> step_;
};

TEST_F(TrainStepTest, AnUpdateMovesEveryParameterAndTheInitialMemory) {
  const at::Tensor memory = model_.parameters->memory().detach().clone();
  const at::Tensor before = Master();
  step_->Run({{0, 80}, {1, 1}}, 2, 1e-3);
  EXPECT_FALSE(at::equal(Master(), before));
  EXPECT_GT((model_.parameters->memory().detach() - memory)
                .abs()
                .min()
                .item<double>(),
            0.0);
}

TEST_F(TrainStepTest, AStreamThatIsNotResetCarriesItsOwnMemory) {
  step_->Run({{0, 80}, {1, 1}}, 2, 0.0);
  const at::Tensor first = step_->carried().clone();
  step_->Run({{8, 80}, {0, 1}}, 2, 0.0);
  EXPECT_FALSE(at::allclose(step_->carried()[0], first[0]));
  EXPECT_TRUE(at::allclose(step_->carried()[1], first[1], 1e-5, 1e-6));
}

TEST_F(TrainStepTest, OnlyResetStreamsTeachTheInitialMemory) {
  const at::Tensor before = model_.parameters->memory().detach().clone();
  TrainStep::Options options;
  options.streams = 2;
  options.segment = kSegment;
  TrainStep fresh(options, model_.backbone.get(), model_.parameters.get(),
                  text_);
  fresh.Run({{0, 80}, {0, 0}}, 1, 1e-3);
  EXPECT_TRUE(at::equal(model_.parameters->memory().detach(), before));
}

TEST_F(TrainStepTest, ReadTellsTheMeanLossSinceTheLastRead) {
  step_->Run({{0, 80}, {1, 1}}, 2, 0.0);
  const double once = step_->Read().loss;
  step_->Run({{0, 80}, {1, 1}}, 2, 0.0);
  step_->Run({{0, 80}, {1, 1}}, 2, 0.0);
  EXPECT_NEAR(step_->Read().loss, once, 1e-5);
}

TEST_F(TrainStepTest, AnUpdateThatIsNotFiniteIsLeftOutAndTheNextOneWorks) {
  {
    at::NoGradGuard no_grad;
    step_->carried().fill_(std::nan(""));
  }
  const at::Tensor before = Master();
  step_->Run({{0, 80}, {0, 1}}, 1, 1e-3);
  EXPECT_EQ(step_->Read().skipped, 1);
  EXPECT_TRUE(at::equal(Master(), before));
  step_->Run({{4, 84}, {0, 0}}, 1, 1e-3);
  EXPECT_EQ(step_->Read().skipped, 1);
  EXPECT_FALSE(at::equal(Master(), before));
}

}  // namespace
}  // namespace mneme
