#include "client/cli/bench/segment_mix.h"

#include <map>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::map<uint32_t, int> Draws(const SegmentMix& mix, int n) {
  RandomBits bits(7);
  std::map<uint32_t, int> counts;
  for (int i = 0; i < n; ++i) ++counts[mix.Draw(bits)];
  return counts;
}

TEST(SegmentMixTest, OneSizeIsAlwaysDrawn) {
  ASSERT_OK_AND_ASSIGN(const SegmentMix mix, SegmentMix::Parse("512"));
  EXPECT_EQ(Draws(mix, 100), (std::map<uint32_t, int>{{512, 100}}));
  EXPECT_EQ(mix.largest(), 512u);
  EXPECT_EQ(mix.ToString(), "512");
  EXPECT_EQ(SegmentMix(8).ToString(), "8");
}

TEST(SegmentMixTest, SizesAreDrawnByTheirWeights) {
  ASSERT_OK_AND_ASSIGN(const SegmentMix mix,
                       SegmentMix::Parse("512:0.9,100:0.1"));
  const std::map<uint32_t, int> counts = Draws(mix, 10000);
  EXPECT_EQ(counts.size(), 2u);
  EXPECT_NEAR(counts.at(512), 9000, 200);
  EXPECT_NEAR(counts.at(100), 1000, 200);
  EXPECT_EQ(mix.largest(), 512u);
  EXPECT_EQ(mix.ToString(), "512:0.9,100:0.1");
}

TEST(SegmentMixTest, WeightsNeedNotAddUpToOne) {
  ASSERT_OK_AND_ASSIGN(const SegmentMix mix, SegmentMix::Parse("1:3,2:1,3:4"));
  const std::map<uint32_t, int> counts = Draws(mix, 8000);
  EXPECT_NEAR(counts.at(1), 3000, 200);
  EXPECT_NEAR(counts.at(2), 1000, 200);
  EXPECT_NEAR(counts.at(3), 4000, 200);
}

TEST(SegmentMixTest, WhatIsNoMixIsRefused) {
  for (const char* text :
       {"", "x", "0", "-1", "8:", "8:0", "8:-1", "8:x", "8:inf", "8:nan", "8,",
        ",8", "8:1:2", "8;9", "99999999999"}) {
    EXPECT_THAT(SegmentMix::Parse(text),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         AllOf(HasSubstr("512:0.9,100:0.1"),
                               HasSubstr("'" + std::string(text) + "'"))))
        << text;
  }
}

}  // namespace
}  // namespace mneme::cli
