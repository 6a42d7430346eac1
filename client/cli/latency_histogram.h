#ifndef MNEME_CLIENT_CLI_LATENCY_HISTOGRAM_H_
#define MNEME_CLIENT_CLI_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace mneme::cli {

// Counts times in buckets that grow by 1/64 of a power of two, so that a
// percentile is right within 2 % and memory is constant however many there are.
// Thread-compatible.
class LatencyHistogram {
 public:
  void Add(absl::Duration time);

  uint64_t count() const { return count_; }
  // The time that a fraction `q` (0 to 1) of all does not exceed, in
  // microseconds; 0 when there are none.
  double PercentileMicros(double q) const;

 private:
  // Nanoseconds below 2^7 have a bucket each, then 64 for each power of two.
  static constexpr int kFineBits = 6;
  static constexpr size_t kBuckets = (64 - kFineBits + 1) << kFineBits;

  static size_t BucketOf(uint64_t nanos);
  static double MiddleOf(size_t bucket);

  std::array<uint64_t, kBuckets> buckets_ = {};
  uint64_t count_ = 0;
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_LATENCY_HISTOGRAM_H_
