#include "model/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/base/status_macros.h"

namespace mneme {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr double kShareTolerance = 1e-6;

}  // namespace

double LearningRate::At(double progress) const {
  const double at = std::clamp(progress, 0.0, 1.0);
  if (at < warmup) return peak * at / warmup;
  if (warmup >= 1.0) return peak;
  const double fallen = (at - warmup) / (1.0 - warmup);
  const double cosine = 0.5 * (1.0 + std::cos(kPi * fallen));
  return peak * (final_fraction + (1.0 - final_fraction) * cosine);
}

absl::StatusOr<BpttSchedule::Stage> BpttSchedule::ParseStage(
    absl::string_view text) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  Stage stage;
  const bool has_share = absl::StrContains(text, ':');
  if (!absl::SimpleAtoi(parts.first, &stage.segments) || stage.segments < 1 ||
      (has_share && !absl::SimpleAtod(parts.second, &stage.share)) ||
      !(stage.share > 0.0)) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--bptt: '", text, "': expected SEGMENTS or SEGMENTS:SHARE with ",
        "SEGMENTS >= 1 and SHARE > 0, as in 2:0.3,4:0.7"));
  }
  return stage;
}

absl::StatusOr<BpttSchedule> BpttSchedule::Parse(absl::string_view text) {
  BpttSchedule schedule;
  double total = 0.0;
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    ASSIGN_OR_RETURN(Stage stage, ParseStage(part));
    total += stage.share;
    schedule.stages_.push_back(stage);
  }
  if (std::abs(total - 1.0) > kShareTolerance) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--bptt: '", text, "': the shares add up to ", total, ", expected 1"));
  }
  return schedule;
}

int64_t BpttSchedule::At(double progress) const {
  double end = 0.0;
  for (const Stage& stage : stages_) {
    end += stage.share;
    if (progress < end) return stage.segments;
  }
  return stages_.back().segments;
}

int64_t BpttSchedule::max_segments() const {
  int64_t most = 1;
  for (const Stage& stage : stages_) most = std::max(most, stage.segments);
  return most;
}

}  // namespace mneme
