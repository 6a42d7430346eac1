#ifndef MNEME_CLIENT_CLI_LATENCY_HISTOGRAM_H_
#define MNEME_CLIENT_CLI_LATENCY_HISTOGRAM_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/time/time.h"

namespace mneme::cli {

// Counts times as an HDR histogram with three significant digits does: in
// buckets that grow by 1/1024 of a power of two, so that every percentile is
// right within 0.1 % and memory is bounded (200 KB for times up to 10 s)
// however many there are. Thread-compatible.
class LatencyHistogram {
 public:
  void Add(absl::Duration time);

  uint64_t count() const { return count_; }
  // The time that a fraction `q` (0 to 1) of all does not exceed, in
  // microseconds; 0 when there are none.
  double PercentileMicros(double q) const;
  // Exact; 0 when there are none.
  double MaxMicros() const { return static_cast<double>(max_) / 1000; }
  double MeanMicros() const;

 private:
  // Nanoseconds below 2^11 have a bucket each, then 1024 for each power of two.
  static constexpr int kFineBits = 10;

  static size_t BucketOf(uint64_t nanos);
  static double MiddleOf(size_t bucket);

  std::vector<uint64_t> buckets_;  // up to the largest time's
  uint64_t count_ = 0;
  uint64_t max_ = 0;  // nanoseconds
  double sum_ = 0;    // nanoseconds
};

}  // namespace mneme::cli

#endif  // MNEME_CLIENT_CLI_LATENCY_HISTOGRAM_H_
