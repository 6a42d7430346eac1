#include "model/train/flat_parameters.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/model/train/tiny_model.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

TEST(FlatParametersTest, NamesEveryWeightAndTheMemory) {
  const TinyModel model(TinyShape(3, 4));
  EXPECT_EQ(model.parameters->memory().sizes().vec(),
            (std::vector<int64_t>{3, 16}));
  EXPECT_EQ(model.parameters->weights().count(kMemoryParameter), 0u);
  EXPECT_EQ(model.parameters->MasterByName().size(),
            model.parameters->weights().size() + 1);
  EXPECT_EQ(model.parameters->leaves().size(),
            model.parameters->weights().size() + 1);
}

TEST(FlatParametersTest, WithoutMemoryThereIsNone) {
  const TinyModel model(TinyShape(0, 4));
  EXPECT_FALSE(model.parameters->memory().defined());
}

TEST(FlatParametersTest, OnlyMatricesAreDecayed) {
  const TinyModel model(TinyShape(3, 4));
  const FlatParameters& parameters = *model.parameters;
  at::Tensor flat = at::zeros_like(parameters.master());
  flat.narrow(0, 0, parameters.decayed()).fill_(1.0);
  const auto names = parameters.MasterByName();
  const auto views = parameters.ViewsOf(flat);
  const auto masters = parameters.ViewsOf(parameters.master());
  for (size_t i = 0; i < views.size(); ++i) {
    std::string name;
    for (const auto& [key, value] : names) {
      if (value.data_ptr() == masters[i].data_ptr()) name = key;
    }
    const bool matrix = views[i].dim() > 1 && name != kMemoryParameter &&
                        name.find(".wte.") == std::string::npos &&
                        name.find(".wpe.") == std::string::npos;
    EXPECT_EQ(views[i].min().item<float>() == 1.0f, matrix) << name;
  }
}

TEST(FlatParametersTest, TheSameSeedGivesTheSameValues) {
  const TinyModel a(TinyShape(3, 4)), b(TinyShape(3, 4));
  EXPECT_TRUE(at::equal(a.parameters->master(), b.parameters->master()));
}

TEST(FlatParametersTest, PublishRoundsTheMastersIntoTheLeaves) {
  const TinyModel model(TinyShape(3, 4), 0.5, at::kBFloat16);
  {
    at::NoGradGuard no_grad;
    model.parameters->master().add_(1.0);
  }
  const at::Tensor before = model.parameters->leaves()[0].detach().clone();
  model.parameters->Publish();
  const at::Tensor after = model.parameters->leaves()[0].detach();
  EXPECT_FALSE(at::equal(before, after));
  EXPECT_TRUE(at::equal(
      after, model.parameters->ViewsOf(model.parameters->master())[0].to(
                 at::kBFloat16)));
}

TEST(FlatParametersTest, ABadBackboneConfigIsAnError) {
  FlatParameters::Options options;
  options.backbone = {{"model_type", "rnn"}};
  EXPECT_THAT(FlatParameters::Create(options),
              StatusIs(absl::StatusCode::kInvalidArgument));
}

}  // namespace
}  // namespace mneme
