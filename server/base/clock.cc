#include "server/base/clock.h"

#include <algorithm>
#include <chrono>

#include "absl/time/clock.h"

namespace mneme {
namespace {

// A wait's end must fit the system's clock; ending a wait early is a spurious
// wake-up.
constexpr absl::Duration kLongestWait = absl::Hours(24);

class RealClock : public Clock {
 public:
  absl::Duration Monotonic() const override {
    return absl::FromChrono(
        std::chrono::steady_clock::now().time_since_epoch());
  }

  absl::Time Wall() const override { return absl::Now(); }

  void WaitUntil(MutexLock& lock, std::condition_variable& cv,
                 absl::Duration deadline) override {
    if (deadline == absl::InfiniteDuration()) {
      cv.wait(lock.native());
      return;
    }
    const absl::Duration wait = std::min(deadline - Monotonic(), kLongestWait);
    if (wait <= absl::ZeroDuration()) return;
    cv.wait_for(lock.native(), absl::ToChronoNanoseconds(wait));
  }
};

}  // namespace

Clock* Clock::Real() {
  static Clock* const clock = new RealClock;
  return clock;
}

}  // namespace mneme
