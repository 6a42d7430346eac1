#ifndef MNEME_SERVER_BASE_COMPACT_TIME_H_
#define MNEME_SERVER_BASE_COMPACT_TIME_H_

#include <concepts>
#include <cstdint>
#include <limits>

#include "absl/time/time.h"

namespace mneme {

// An absl::Duration in eight bytes instead of sixteen, for what every session
// has some of: a whole number of units of `kNanos` nanoseconds, rounded towards
// zero. What does not fit is infinite.
template <int64_t kNanos>
class CompactSpan {
 public:
  CompactSpan() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for a Duration.
  CompactSpan(absl::Duration duration) {
    absl::Duration rest;
    units_ = absl::IDivDuration(duration, absl::Nanoseconds(kNanos), &rest);
  }
  // NOLINTNEXTLINE(google-explicit-constructor): the same.
  operator absl::Duration() const {
    if (units_ == kMost) return absl::InfiniteDuration();
    if (units_ == kLeast) return -absl::InfiniteDuration();
    return absl::Nanoseconds(kNanos) * units_;
  }

 private:
  static constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  static constexpr int64_t kLeast = std::numeric_limits<int64_t>::min();

  int64_t units_ = 0;
};

// As exact as clocks are; 292 years.
using CompactDuration = CompactSpan<1>;
// As records keep it; 292,000 years.
using CompactMicros = CompactSpan<1000>;

// An absl::Time alike, within 292 years of 1970.
class CompactTime {
 public:
  CompactTime() = default;
  // NOLINTNEXTLINE(google-explicit-constructor): it stands for a Time.
  CompactTime(absl::Time time) : since_epoch_(time - absl::UnixEpoch()) {}
  // NOLINTNEXTLINE(google-explicit-constructor): the same.
  operator absl::Time() const { return absl::UnixEpoch() + since_epoch_; }
  // A template, so that where one side is a Time, that one's is meant.
  template <std::same_as<CompactTime> T>
  friend bool operator==(T a, T b) {
    return absl::Time(a) == absl::Time(b);
  }

 private:
  CompactDuration since_epoch_;
};

}  // namespace mneme

#endif  // MNEME_SERVER_BASE_COMPACT_TIME_H_
