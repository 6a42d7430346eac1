#include "client/cli/bench/random_bits.h"

#include <array>
#include <cstdint>
#include <set>

#include "gtest/gtest.h"

namespace mneme::cli {
namespace {

TEST(RandomBitsTest, AreThoseOfSplitMix64) {
  RandomBits bits(1234567);
  EXPECT_EQ(bits.Next(), 6457827717110365317u);
  EXPECT_EQ(bits.Next(), 3203168211198807973u);
  EXPECT_EQ(bits.Next(), 9817491932198370423u);
}

TEST(RandomBitsTest, BelowGivesEachNumberItsShare) {
  RandomBits bits(1);
  std::array<int, 7> counts = {};
  for (int i = 0; i < 70000; ++i) ++counts.at(bits.Below(7));
  for (int count : counts) EXPECT_NEAR(count, 10000, 500);
}

TEST(RandomBitsTest, FractionsAreAboveZeroAndFillTheirRange) {
  RandomBits bits(2);
  double sum = 0;
  for (int i = 0; i < 10000; ++i) {
    const double fraction = bits.Fraction();
    ASSERT_GT(fraction, 0);
    ASSERT_LE(fraction, 1);
    sum += fraction;
  }
  EXPECT_NEAR(sum / 10000, 0.5, 0.02);
}

TEST(RandomBitsTest, MixedSeedsDiffer) {
  std::set<uint64_t> seeds;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    for (uint64_t number = 0; number < 100; ++number) {
      seeds.insert(RandomBits::Mix(seed, number));
    }
  }
  EXPECT_EQ(seeds.size(), 10000u);
}

}  // namespace
}  // namespace mneme::cli
