#ifndef MNEME_TESTS_MODEL_TRAIN_TINY_MODEL_H_
#define MNEME_TESTS_MODEL_TRAIN_TINY_MODEL_H_

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <memory>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/backbone/make_backbone.h"
#include "model/train/flat_parameters.h"
#include "model/train/options.h"

namespace mneme {

// The shape of a model small enough for tests.
inline ModelShape TinyShape(int64_t memory, int64_t segment) {
  ModelShape shape;
  shape.name = "tiny";
  shape.layers = 2;
  shape.width = 16;
  shape.heads = 2;
  shape.memory = memory;
  shape.segment = segment;
  return shape;
}

// Random parameters, large enough that everything matters, and the backbone
// over them.
struct TinyModel {
  explicit TinyModel(const ModelShape& shape, double std = 0.5,
                     at::ScalarType compute = at::kFloat) {
    FlatParameters::Options options;
    options.backbone = ModelConfigJson(shape)["backbone"];
    options.memory = shape.memory;
    options.embedding_std = std;
    options.seed = 11;
    options.compute = compute;
    parameters =
        std::make_unique<FlatParameters>(*FlatParameters::Create(options));
    {
      const at::NoGradGuard no_grad;
      parameters->master().narrow(0, 0, parameters->decayed()).mul_(10.0);
    }
    parameters->Publish();
    backbone = *MakeBackbone(options.backbone, parameters->weights());
  }

  std::unique_ptr<FlatParameters> parameters;
  std::unique_ptr<Backbone> backbone;
};

// `periods` times eight bytes: a random letter, six dots, the letter again. A
// segment of four bytes cannot know its last letter without memory: 3/8 bits a
// byte with it, 6/8 without.
inline std::string RecallText(int periods) {
  std::string text;
  uint32_t state = 1;
  for (int i = 0; i < periods; ++i) {
    state = state * 1664525u + 1013904223u;
    const char letter = static_cast<char>('A' + (state >> 29));
    absl::StrAppend(&text, std::string(1, letter), "......",
                    std::string(1, letter));
  }
  return text;
}

}  // namespace mneme

#endif  // MNEME_TESTS_MODEL_TRAIN_TINY_MODEL_H_
