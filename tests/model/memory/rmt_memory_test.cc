#include <algorithm>
#include <string>
#include <vector>

#include "tests/model/memory/rmt_fixture.h"

// What an RMT carries when its memory is kept in another dtype than float32, or
// when it has no memory tokens.

namespace mneme {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

class MemoryDTypeTest : public RmtTest,
                        public ::testing::WithParamInterface<const char*> {
 protected:
  void SetUp() override {
    nlohmann::json config = folder_.Config();
    config["memory_dtype"] = GetParam();
    folder_.WriteConfig(config);
    ASSERT_OK_AND_ASSIGN(model_, LoadModel(folder_.path(), TestOptions()));
  }

  // The memory after `tokens`, applied to `memory`.
  MemoryRef After(const MemoryRef& memory, const Tokens& tokens) {
    StepRow row;
    row.tokens = tokens;
    row.memory = memory;
    return StepOne(row).memory;
  }

 private:
  TestFolder folder_{"rmt_gpt2"};
};

TEST_P(MemoryDTypeTest, TwoBytesAnElementAndNamed) {
  EXPECT_EQ(model_->spec().memory_bytes(), (4 + 1) * 32 * 2);
  EXPECT_EQ(model_->spec().numeric_mode, std::string("float32/") + GetParam());
  EXPECT_EQ(Bytes(model_->InitialMemory()).size(), (4u + 1) * 32 * 2);
}

TEST_P(MemoryDTypeTest, ARestoredMemoryHasTheSameBytesAndGoesOnTheSame) {
  const MemoryRef memory = Stream(SomeTokens(2 * kSegment, 3)).memory;
  const std::string bytes = Bytes(memory);
  ASSERT_OK_AND_ASSIGN(const auto restored, model_->Load({bytes}));
  EXPECT_EQ(Bytes(restored[0]), bytes);
  const Tokens next = SomeTokens(kSegment, 4);
  EXPECT_EQ(Bytes(After(restored[0], next)), Bytes(After(memory, next)));
}

// What is kept is what was computed, rounded: a stream stays near the one whose
// memory is float32, and is not it.
TEST_P(MemoryDTypeTest, StreamsStayNearThoseOfFloat32) {
  const Tokens tokens = SomeTokens(3 * kSegment, 5);
  const std::vector<float> rounded = Stream(tokens).logits;
  ASSERT_OK_AND_ASSIGN(model_,
                       LoadModel(BundledGolden("rmt_gpt2"), TestOptions()));
  const std::vector<float> exact = Stream(tokens).logits;
  EXPECT_NE(rounded, exact);
  EXPECT_THAT(rounded, Pointwise(FloatNear(0.1f), exact));
}

INSTANTIATE_TEST_SUITE_P(DTypes, MemoryDTypeTest,
                         ::testing::Values("bfloat16", "float16"),
                         [](const auto& dtype) {
                           return std::string(dtype.param);
                         });

// Without memory tokens the model is its backbone alone.
class PlainBackboneTest : public RmtTest {
 protected:
  void SetUp() override {
    nlohmann::json config = folder_.Config();
    config["num_mem_tokens"] = 0;
    folder_.WriteConfig(config);
    std::vector<HostTensor> tensors = folder_.Tensors();
    tensors.erase(std::find_if(tensors.begin(), tensors.end(),
                               [](const HostTensor& tensor) {
                                 return tensor.name == "memory_cell.memory";
                               }));
    folder_.WriteTensors(tensors);
    ASSERT_OK_AND_ASSIGN(model_, LoadModel(folder_.path(), TestOptions()));
  }

 private:
  TestFolder folder_{"rmt_gpt2"};
};

TEST_F(PlainBackboneTest, CarriesOnlyTheLastHiddenState) {
  ASSERT_EQ(model_->spec().memory.size(), 1u);
  EXPECT_EQ(model_->spec().memory[0].name, "last_hidden");
  const Tokens a = SomeTokens(4, 1), b = SomeTokens(4, 2), c = {3, 4};
  OutputRequest request;
  request.names = {"logits", "log_probs"};
  const StepRow first[] = {
      {a, {}, model_->InitialMemory(), true, false, nullptr},
      {b, {}, model_->InitialMemory(), true, false, nullptr}};
  ASSERT_OK_AND_ASSIGN(const auto after, model_->Step(first));
  const StepRow second[] = {{c, {}, after[0].memory, false, false, &request},
                            {c, {}, after[1].memory, false, false, &request}};
  ASSERT_OK_AND_ASSIGN(const auto results, model_->Step(second));
  EXPECT_THAT(
      Floats(results[0].outputs[0].data),
      Pointwise(FloatNear(kTolerance), Floats(results[1].outputs[0].data)));
  EXPECT_NE(results[0].outputs[1].data, results[1].outputs[1].data);
}

// There is nothing to reset, and the first token is still scored from the
// segment before.
TEST_F(PlainBackboneTest, AResetChangesNothing) {
  const MemoryRef used = Stream(SomeTokens(kSegment, 6)).memory;
  const Tokens tokens = SomeTokens(5, 7);
  OutputRequest request;
  request.names = {"logits", "log_probs"};
  const StepResult carried =
      StepOne({tokens, {}, used, false, false, &request});
  const StepResult reset = StepOne({tokens, {}, used, false, true, &request});
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(reset.outputs[i].data, carried.outputs[i].data);
  }
  EXPECT_EQ(Bytes(reset.memory), Bytes(carried.memory));
}

}  // namespace
}  // namespace mneme
