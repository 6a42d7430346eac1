#include "model/train/stream_sampler.h"

#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

StreamSampler Make(int64_t text, int64_t streams, double reset,
                   uint64_t seed = 7) {
  return *StreamSampler::Create({text, streams, reset, seed}, 1);
}

TEST(StreamSamplerTest, EachStreamWalksItsOwnStripe) {
  StreamSampler sampler = Make(30, 3, 0.0);
  EXPECT_THAT(sampler.Next(4).offsets, ElementsAre(0, 10, 20));
  EXPECT_THAT(sampler.Next(4).offsets, ElementsAre(4, 14, 24));
}

TEST(StreamSamplerTest, ResetsAtTheStartOnlyWhenTheProbabilityIsZero) {
  StreamSampler sampler = Make(1000, 2, 0.0);
  EXPECT_THAT(sampler.Next(5).reset, Each(1));
  for (int i = 0; i < 50; ++i) EXPECT_THAT(sampler.Next(5).reset, Each(0));
}

TEST(StreamSamplerTest, ResetsAsOftenAsAsked) {
  StreamSampler sampler = Make(1 << 20, 16, 0.25);
  sampler.Next(1);
  int64_t resets = 0;
  for (int i = 0; i < 1000; ++i) {
    for (const int64_t reset : sampler.Next(1).reset) resets += reset;
  }
  EXPECT_NEAR(static_cast<double>(resets) / 16000.0, 0.25, 0.02);
}

TEST(StreamSamplerTest, AnEpochEndsWithAResetAndARotation) {
  StreamSampler sampler = Make(1000, 2, 0.0);
  std::set<int64_t> starts;
  for (int epoch = 0; epoch < 4; ++epoch) {
    const StreamWindow first = sampler.Next(400);
    EXPECT_THAT(first.reset, Each(1));
    EXPECT_EQ((first.offsets[0] + 500) % 1000, first.offsets[1]);
    starts.insert(first.offsets[0]);
  }
  EXPECT_EQ(starts.size(), 4u);
}

TEST(StreamSamplerTest, ASetStateContinuesTheSameSequence) {
  StreamSampler a = Make(977, 3, 0.5);
  for (int i = 0; i < 100; ++i) a.Next(13);
  StreamSampler b = Make(977, 3, 0.5);
  b.set_state(a.state());
  for (int i = 0; i < 100; ++i) {
    const StreamWindow from_a = a.Next(13);
    const StreamWindow from_b = b.Next(13);
    EXPECT_EQ(from_a.offsets, from_b.offsets);
    EXPECT_EQ(from_a.reset, from_b.reset);
  }
}

TEST(StreamSamplerTest, RefusesATextTooShortForTheStreams) {
  EXPECT_THAT(
      StreamSampler::Create({100, 10, 0.0, 0}, 11),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("10 streams")));
  EXPECT_THAT(
      StreamSampler::Create({100, 0, 0.0, 0}, 1),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--streams")));
}

}  // namespace
}  // namespace mneme
