#include "client/cli/bench/arrival_schedule.h"

#include <cmath>

namespace mneme::cli {

void ArrivalSchedule::Advance() {
  ++count_;
  if (process_ == ArrivalProcess::kConstant) {
    // Of the count, so that no error of rounding adds up.
    next_.due = absl::Seconds(static_cast<double>(count_) / rate_);
    next_.session = (count_ - 1) % sessions_;
    return;
  }
  seconds_ -= std::log(bits_.Fraction()) / rate_;
  next_.due = absl::Seconds(seconds_);
  next_.session = bits_.Below(static_cast<uint32_t>(sessions_));
}

}  // namespace mneme::cli
