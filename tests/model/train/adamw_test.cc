#include "model/train/adamw.h"

#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "gtest/gtest.h"

namespace mneme {
namespace {

constexpr AdamW::Options kOptions = {0.9, 0.99, 1e-8, 0.1, 1.0};

at::Tensor Rate(double rate) { return at::scalar_tensor(rate, at::kFloat); }

TEST(AdamWTest, TheFirstUpdateMovesByTheRateAndDecaysTheDecayedPart) {
  const at::Tensor master = at::ones({4});
  AdamW adamw(kOptions, master, 2);
  adamw.Update(at::tensor({0.1f, -0.2f, 0.1f, -0.2f}), Rate(0.01));
  EXPECT_NEAR(master[0].item<double>(), 1 - 0.01 * 0.1 - 0.01, 1e-6);
  EXPECT_NEAR(master[1].item<double>(), 1 - 0.01 * 0.1 + 0.01, 1e-6);
  EXPECT_NEAR(master[2].item<double>(), 1 - 0.01, 1e-6);
  EXPECT_NEAR(master[3].item<double>(), 1 + 0.01, 1e-6);
}

TEST(AdamWTest, FollowsTheFormulasOverManyUpdates) {
  const at::Tensor master = at::full({1}, 2.0);
  AdamW adamw(kOptions, master, 1);
  double value = 2.0, first = 0, second = 0;
  for (int step = 1; step <= 20; ++step) {
    const double gradient = 0.3 * std::sin(step), rate = 0.02 * step;
    adamw.Update(at::full({1}, gradient), Rate(rate));
    value -= rate * 0.1 * value;
    first = 0.9 * first + 0.1 * gradient;
    second = 0.99 * second + 0.01 * gradient * gradient;
    value -= rate * (first / (1 - std::pow(0.9, step))) /
             (std::sqrt(second / (1 - std::pow(0.99, step))) + 1e-8);
  }
  EXPECT_NEAR(master.item<double>(), value, 1e-4);
}

TEST(AdamWTest, ClipsByTheNormOfTheWholeGradient) {
  const at::Tensor master = at::zeros({2});
  AdamW adamw(kOptions, master, 1);
  adamw.Update(at::tensor({30.0f, 40.0f}), Rate(0.0));
  EXPECT_NEAR(adamw.gradient_norm().item<double>(), 50.0, 1e-4);
  EXPECT_NEAR(adamw.first_moment()[0].item<double>(), 0.1 * 0.6, 1e-6);
  EXPECT_NEAR(adamw.first_moment()[1].item<double>(), 0.1 * 0.8, 1e-6);
}

TEST(AdamWTest, AGradientThatIsNotFiniteChangesNothingAndIsCounted) {
  const at::Tensor master = at::ones({2});
  AdamW adamw(kOptions, master, 1);
  adamw.Update(at::tensor({0.1f, 0.1f}), Rate(0.01));
  const at::Tensor before = master.clone();
  const at::Tensor moment = adamw.first_moment().clone();
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(),
                          std::numeric_limits<float>::infinity()}) {
    adamw.Update(at::tensor({bad, 0.1f}), Rate(0.01));
  }
  EXPECT_TRUE(at::equal(master, before));
  EXPECT_TRUE(at::equal(adamw.first_moment(), moment));
  EXPECT_EQ(adamw.skipped().item<double>(), 2.0);
  EXPECT_EQ(adamw.steps().item<double>(), 1.0);
}

}  // namespace
}  // namespace mneme
