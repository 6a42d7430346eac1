#include "client/cli/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace mneme::cli {

void LatencyHistogram::Add(absl::Duration time) {
  const auto nanos = static_cast<uint64_t>(
      std::max<int64_t>(0, absl::ToInt64Nanoseconds(time)));
  const size_t bucket = BucketOf(nanos);
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
  max_ = std::max(max_, nanos);
  sum_ += static_cast<double>(nanos);
}

double LatencyHistogram::PercentileMicros(double q) const {
  if (count_ == 0) return 0;
  double wanted = std::ceil(q * static_cast<double>(count_));
  uint64_t rank =
      std::clamp<uint64_t>(static_cast<uint64_t>(wanted), 1, count_);
  uint64_t seen = 0;
  for (size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::min(MiddleOf(i) / 1000, MaxMicros());
  }
  return MaxMicros();
}

double LatencyHistogram::MeanMicros() const {
  return count_ == 0 ? 0 : sum_ / static_cast<double>(count_) / 1000;
}

size_t LatencyHistogram::BucketOf(uint64_t nanos) {
  int shift =
      std::max(0, static_cast<int>(std::bit_width(nanos)) - 1 - kFineBits);
  return (static_cast<size_t>(shift) << kFineBits) +
         static_cast<size_t>(nanos >> shift);
}

double LatencyHistogram::MiddleOf(size_t bucket) {
  size_t group = bucket >> kFineBits;
  size_t shift = group > 0 ? group - 1 : 0;
  double low = std::ldexp(static_cast<double>(bucket - (shift << kFineBits)),
                          static_cast<int>(shift));
  return low + (std::ldexp(1, static_cast<int>(shift)) - 1) / 2;
}

}  // namespace mneme::cli
