#ifndef MNEME_CLIENT_CLI_BENCH_RANDOM_BITS_H_
#define MNEME_CLIENT_CLI_BENCH_RANDOM_BITS_H_

#include <cstdint>

namespace mneme::cli {

// Random numbers that are the same for a seed on every machine, at a nanosecond
// and eight bytes each generator (SplitMix64): a bench has one for each of its
// sessions. Not for secrets. Thread-compatible.
class RandomBits {
 public:
  explicit RandomBits(uint64_t seed) : state_(seed) {}

  uint64_t Next() {
    uint64_t bits = state_ += 0x9e3779b97f4a7c15u;
    bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9u;
    bits = (bits ^ (bits >> 27)) * 0x94d049bb133111ebu;
    return bits ^ (bits >> 31);
  }
  // Of 0 to n - 1.
  uint32_t Below(uint32_t n) {
    return static_cast<uint32_t>(((Next() >> 32) * n) >> 32);
  }
  // Above 0, at most 1.
  double Fraction() {
    return static_cast<double>((Next() >> 11) + 1) * 0x1p-53;
  }
  // The seed of another generator.
  static uint64_t Mix(uint64_t seed, uint64_t number) {
    return RandomBits(RandomBits(seed).Next() + number).Next();
  }

 private:
  uint64_t state_;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_BENCH_RANDOM_BITS_H_
