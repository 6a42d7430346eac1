#ifndef MNEME_SERVER_SCHEDULE_WAITING_SEGMENT_H_
#define MNEME_SERVER_SCHEDULE_WAITING_SEGMENT_H_

#include <cstddef>
#include <cstdint>

#include "absl/time/time.h"

namespace mneme {

// Whose segments go first. A class goes before the next one whatever it costs
// that one, but for what waited very long (BatchPolicyOptions::max_starvation).
enum class Priority : uint8_t { kHigh, kNormal, kLow };

inline constexpr size_t kPriorities = 3;

// What the policy sees of a waiting segment. Times are Clock::Monotonic().
struct WaitingSegment {
  const void* model = nullptr;  // segments of one model run together
  int64_t num_tokens = 0;
  int64_t output_bytes = 0;  // the most that its outputs can have
  bool full = true;          // num_tokens is the model's segment size
  bool cancelled = false;
  Priority priority = Priority::kNormal;
  uint32_t tenant = 0;  // FairShare's number for it
  absl::Duration arrived;
  // When its result is of no use any more.
  absl::Duration deadline = absl::InfiniteDuration();
};

}  // namespace mneme

#endif  // MNEME_SERVER_SCHEDULE_WAITING_SEGMENT_H_
