#include "server/rpc/wire_time.h"

#include <cstdint>

#include "absl/strings/str_cat.h"

namespace mneme {
namespace {

constexpr int64_t kMaxSeconds = 315'576'000'000;
constexpr int32_t kMaxNanos = 999'999'999;

}  // namespace

void ToWire(absl::Duration duration, google::protobuf::Duration* message) {
  const int64_t seconds =
      absl::IDivDuration(duration, absl::Seconds(1), &duration);
  const int64_t nanos =
      absl::IDivDuration(duration, absl::Nanoseconds(1), &duration);
  message->set_seconds(seconds);
  message->set_nanos(static_cast<int32_t>(nanos));
}

void ToWire(absl::Time time, google::protobuf::Timestamp* message) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  message->set_seconds(seconds);
  message->set_nanos(static_cast<int32_t>(
      absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

absl::StatusOr<absl::Duration> FromWire(
    const google::protobuf::Duration& message) {
  const int64_t seconds = message.seconds();
  const int32_t nanos = message.nanos();
  const bool signs_differ =
      (seconds < 0 && nanos > 0) || (seconds > 0 && nanos < 0);
  if (seconds < -kMaxSeconds || seconds > kMaxSeconds || nanos < -kMaxNanos ||
      nanos > kMaxNanos || signs_differ) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a duration: seconds ", seconds, ", nanos ", nanos));
  }
  return absl::Seconds(seconds) + absl::Nanoseconds(nanos);
}

}  // namespace mneme
