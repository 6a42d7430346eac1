#include "client/segment_result.h"

#include <string>

#include "client/session_info.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/client/cli/segments.h"

namespace mneme::client {
namespace {

using ::mneme::testing::MakeTensor;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(OutputTensorTest, ElementsAreReadByTheirType) {
  OutputTensor floats = MakeTensor<float>("f", ElementType::kF32, {1.5f, -2});
  EXPECT_THAT(floats.AsFloats(), ElementsAre(1.5f, -2.0f));
  EXPECT_THAT(floats.AsInts(), IsEmpty());
  OutputTensor ints = MakeTensor<int32_t>("i", ElementType::kI32, {7, -8});
  EXPECT_THAT(ints.AsInts(), ElementsAre(7, -8));
  EXPECT_THAT(ints.AsFloats(), IsEmpty());
}

TEST(OutputTensorTest, ACutOffElementIsLeftOut) {
  OutputTensor floats = MakeTensor<float>("f", ElementType::kF32, {1, 2});
  floats.data.resize(7);
  EXPECT_THAT(floats.AsFloats(), ElementsAre(1.0f));
  floats.data.clear();
  EXPECT_THAT(floats.AsFloats(), IsEmpty());
}

TEST(SegmentResultTest, OutputsAreFoundByName) {
  SegmentResult segment = mneme::testing::MakeSegment(1, {-1});
  ASSERT_NE(segment.Find("log_probs"), nullptr);
  EXPECT_EQ(segment.Find("logits"), nullptr);
}

TEST(NamesTest, EnumeratorsHaveNames) {
  EXPECT_EQ(ToString(ResultSource::kComputed), "computed");
  EXPECT_EQ(ToString(ResultSource::kKept), "kept");
  EXPECT_EQ(ToString(ResultSource::kRecomputed), "recomputed");
  EXPECT_EQ(ToString(ResultSource::kShared), "shared");
  EXPECT_EQ(ToString(MemoryPolicy::kCarry), "carry");
  EXPECT_EQ(ToString(MemoryPolicy::kReset), "reset");
  EXPECT_EQ(ToString(Durability::kServerDefault), "default");
  EXPECT_EQ(ToString(Durability::kMemory), "memory");
  EXPECT_EQ(ToString(Durability::kAsync), "async");
  EXPECT_EQ(ToString(Durability::kSync), "sync");
}

}  // namespace
}  // namespace mneme::client
