#include "client/cli/latency_histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

using ::testing::DoubleNear;

TEST(LatencyHistogramTest, OfNothingIsZero) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.PercentileMicros(0.5), 0);
  EXPECT_EQ(histogram.MaxMicros(), 0);
  EXPECT_EQ(histogram.MeanMicros(), 0);
}

// Against the exact percentiles of times from a microsecond to a minute.
TEST(LatencyHistogramTest, PercentilesHaveThreeDigits) {
  LatencyHistogram histogram;
  std::mt19937_64 bits(1);
  std::vector<double> micros;
  for (int i = 0; i < 20000; ++i) {
    const double exponent = static_cast<double>(bits() % 7800) / 1000;
    micros.push_back(std::floor(1000 * std::pow(10, exponent)) / 1000);
    histogram.Add(absl::Nanoseconds(std::llround(1000 * micros.back())));
  }
  std::sort(micros.begin(), micros.end());
  EXPECT_EQ(histogram.count(), micros.size());
  for (double q : {0.0001, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999}) {
    const auto rank =
        static_cast<size_t>(std::ceil(q * static_cast<double>(micros.size())));
    const double exact = micros[rank - 1];
    EXPECT_THAT(histogram.PercentileMicros(q), DoubleNear(exact, 0.001 * exact))
        << q;
  }
  EXPECT_DOUBLE_EQ(histogram.MaxMicros(), micros.back());
  EXPECT_NEAR(histogram.MeanMicros(),
              std::accumulate(micros.begin(), micros.end(), 0.0) / 20000, 1e-3);
}

TEST(LatencyHistogramTest, NoPercentileIsAboveTheLargest) {
  LatencyHistogram histogram;
  histogram.Add(absl::Nanoseconds(1 << 20));  // the first of its bucket
  EXPECT_DOUBLE_EQ(histogram.PercentileMicros(0.5), (1 << 20) / 1000.0);
  EXPECT_DOUBLE_EQ(histogram.MaxMicros(), (1 << 20) / 1000.0);
}

TEST(LatencyHistogramTest, EveryMagnitudeKeepsItsPrecision) {
  for (double seconds : {1e-9, 100e-9, 127e-9, 128e-9, 1e-6, 1e-3, 1.0, 1e6}) {
    LatencyHistogram histogram;
    histogram.Add(absl::Seconds(seconds));
    EXPECT_THAT(histogram.PercentileMicros(0.5),
                DoubleNear(seconds * 1e6, 0.001 * seconds * 1e6))
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
