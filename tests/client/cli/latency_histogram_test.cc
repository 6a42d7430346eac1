#include "client/cli/latency_histogram.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

using ::testing::DoubleNear;

TEST(LatencyHistogramTest, OfNothingIsZero) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.PercentileMicros(0.5), 0);
}

TEST(LatencyHistogramTest, PercentilesAreRightWithinTwoPercent) {
  LatencyHistogram histogram;
  for (int us = 1; us <= 10000; ++us) histogram.Add(absl::Microseconds(us));
  EXPECT_EQ(histogram.count(), 10000u);
  for (double q : {0.01, 0.25, 0.5, 0.9, 0.99, 1.0}) {
    double expected = q * 10000;
    EXPECT_THAT(histogram.PercentileMicros(q),
                DoubleNear(expected, 0.02 * expected))
        << q;
  }
}

TEST(LatencyHistogramTest, EveryMagnitudeKeepsItsPrecision) {
  for (double seconds : {1e-9, 100e-9, 127e-9, 128e-9, 1e-6, 1e-3, 1.0, 1e6}) {
    LatencyHistogram histogram;
    histogram.Add(absl::Seconds(seconds));
    EXPECT_THAT(histogram.PercentileMicros(0.5),
                DoubleNear(seconds * 1e6, 0.02 * seconds * 1e6))
        << seconds;
  }
}

TEST(LatencyHistogramTest, ExtremesHaveABucket) {
  LatencyHistogram histogram;
  histogram.Add(-absl::Seconds(1));
  EXPECT_EQ(histogram.PercentileMicros(1), 0);
  histogram.Add(absl::InfiniteDuration());
  EXPECT_GT(histogram.PercentileMicros(1), 1e12);
}

}  // namespace
}  // namespace mneme::cli
