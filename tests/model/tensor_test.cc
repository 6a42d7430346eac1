#include "model/tensor.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/sequence_model.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::HasSubstr;

TEST(DTypeTest, NamesComeBack) {
  for (const DType dtype : {DType::kFloat32, DType::kBFloat16, DType::kFloat16,
                            DType::kInt64, DType::kInt32, DType::kUint8}) {
    EXPECT_THAT(ParseDType(DTypeName(dtype)), IsOkAndHolds(dtype));
  }
}

TEST(DTypeTest, UnknownNameIsRefusedByName) {
  EXPECT_THAT(
      ParseDType("F8_E4M3"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("F8_E4M3")));
}

TEST(DTypeTest, SizesAreBytesOfOneElement) {
  EXPECT_EQ(SizeOf(DType::kInt64), 8);
  EXPECT_EQ(SizeOf(DType::kFloat32), 4);
  EXPECT_EQ(SizeOf(DType::kBFloat16), 2);
  EXPECT_EQ(SizeOf(DType::kUint8), 1);
}

TEST(NumElementsTest, AScalarHasOne) {
  EXPECT_EQ(NumElements({}), 1);
  EXPECT_EQ(NumElements({3, 4}), 12);
  EXPECT_EQ(NumElements({3, 0}), 0);
}

TEST(ModelSpecTest, MemoryBytesSumOverTensors) {
  ModelSpec spec;
  spec.memory = {{"memory", DType::kFloat32, {4, 8}},
                 {"count", DType::kInt64, {1}},
                 {"last_hidden", DType::kBFloat16, {8}}};
  EXPECT_EQ(spec.memory_bytes(), 4 * 8 * 4 + 8 + 16);
}

TEST(ModelSpecTest, FindsOutputsByName) {
  ModelSpec spec;
  spec.outputs = {{"argmax", DType::kInt32, {-1}}};
  ASSERT_NE(spec.FindOutput("argmax"), nullptr);
  EXPECT_EQ(spec.FindOutput("argmax")->dtype, DType::kInt32);
  EXPECT_EQ(spec.FindOutput("logits"), nullptr);
}

}  // namespace
}  // namespace mneme
