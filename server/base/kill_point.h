#ifndef MNEME_SERVER_BASE_KILL_POINT_H_
#define MNEME_SERVER_BASE_KILL_POINT_H_

#include <array>
#include <atomic>
#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace mneme {

// Places in mnemed where a crash test can have the process die, as by power
// loss of the process: SIGKILL, with nothing flushed or unwound. A new one is a
// line here and KillPoint("its_name") where it strikes; the crash test
// (tests/crash/server_kill_test.cc) fails until it was seen to strike there.
inline constexpr std::array<absl::string_view, 6> kKillPoints = {
    "after_step",          // a step is computed, its commit is not submitted
    "before_group_write",  // commits are taken, the store has none of them
    "after_group_write",   // the store has them, nobody was told
    "before_reply",        // all that a message did is durable, no reply is out
    "mid_spill",           // a memory lost its place on the device or the host
    "before_scrub",        // an erased session is removed, its bytes are there
};

// What MNEME_KILL_POINT=NAME:N in the environment asks for: the process dies
// where NAME is passed for the Nth time, N from 1. Unset or empty: nowhere.
// INVALID_ARGUMENT for anything else, and for any value in a build without kill
// points (CMake's MNEME_KILL_POINTS=OFF, as in the preset `release`), where
// they cost the same and cannot be armed. To be called once, before there are
// other threads.
absl::Status ArmKillPointFromEnvironment();
// The same, of "NAME:N".
absl::Status ArmKillPoint(absl::string_view spec);

// Whether this build has kill points.
bool HasKillPoints();

namespace kill_point_internal {

// An index into kKillPoints; -1: none.
inline constinit std::atomic<int> armed{-1};
// Counts a pass of the armed point; the process dies at the Nth.
void Pass();

}  // namespace kill_point_internal

// An index by name; a name that is not in kKillPoints does not compile.
class KillPointName {
 public:
  // Implicit, so that a point reads KillPoint("name").
  consteval KillPointName(const char* name) {  // NOLINT(*-explicit-*)
    size_t i = 0;
    while (kKillPoints.at(i) != absl::string_view(name)) ++i;
    index_ = static_cast<int>(i);
  }
  int index() const { return index_; }

 private:
  int index_ = 0;
};

// Dies here when it was armed so; else one relaxed load. Any thread.
inline void KillPoint(KillPointName point) {
  using kill_point_internal::armed;
  if (armed.load(std::memory_order_relaxed) == point.index()) {
    kill_point_internal::Pass();
  }
}

}  // namespace mneme

#endif  // MNEME_SERVER_BASE_KILL_POINT_H_
