#include "server/base/kill_point.h"

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "server/base/quoted.h"

namespace mneme {
namespace {

#ifdef MNEME_KILL_POINTS
constexpr bool kCompiledIn = true;
#else
constexpr bool kCompiledIn = false;
#endif

constinit std::atomic<int64_t> passes_left{0};

}  // namespace

bool HasKillPoints() { return kCompiledIn; }

void kill_point_internal::Pass() {
  if (passes_left.fetch_sub(1) == 1) raise(SIGKILL);
}

absl::Status ArmKillPoint(absl::string_view spec) {
  if (!kCompiledIn) {
    return absl::InvalidArgumentError(
        absl::StrCat("MNEME_KILL_POINT is ", Quoted(spec),
                     ", but this build has no kill points (CMake option "
                     "MNEME_KILL_POINTS)"));
  }
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(spec, absl::MaxSplits(':', 1));
  const auto* const point =
      std::find(kKillPoints.begin(), kKillPoints.end(), parts.first);
  int64_t passes = 0;
  if (point == kKillPoints.end() || !absl::SimpleAtoi(parts.second, &passes) ||
      passes < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("MNEME_KILL_POINT is ", Quoted(spec),
                     ", expected NAME:N with N from 1 and NAME one of ",
                     absl::StrJoin(kKillPoints, ", ")));
  }
  passes_left = passes;
  kill_point_internal::armed = static_cast<int>(point - kKillPoints.begin());
  return absl::OkStatus();
}

absl::Status ArmKillPointFromEnvironment() {
  const char* spec = std::getenv("MNEME_KILL_POINT");  // NOLINT: start-up only
  if (spec == nullptr || *spec == '\0') return absl::OkStatus();
  return ArmKillPoint(spec);
}

}  // namespace mneme
