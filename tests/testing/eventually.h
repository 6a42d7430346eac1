#ifndef MNEME_TESTS_TESTING_EVENTUALLY_H_
#define MNEME_TESTS_TESTING_EVENTUALLY_H_

#include <thread>

#include "absl/functional/function_ref.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"

namespace mneme {

// Whether `condition`, asked again and again, comes true in time: for what
// other processes do, of which nobody tells.
inline bool Eventually(absl::FunctionRef<bool()> condition,
                       absl::Duration limit = absl::Seconds(30)) {
  const absl::Time end = absl::Now() + limit;
  while (!condition()) {
    if (absl::Now() > end) return false;
    std::this_thread::yield();
  }
  return true;
}

}  // namespace mneme

#endif  // MNEME_TESTS_TESTING_EVENTUALLY_H_
