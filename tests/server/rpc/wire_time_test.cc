#include "server/rpc/wire_time.h"

#include "tests/testing/status_matchers.h"

namespace mneme {
namespace {

google::protobuf::Duration Message(int64_t seconds, int32_t nanos) {
  google::protobuf::Duration message;
  message.set_seconds(seconds);
  message.set_nanos(nanos);
  return message;
}

TEST(WireTimeTest, DurationsComeBack) {
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), absl::Milliseconds(1500),
        -absl::Milliseconds(1500), absl::Hours(24 * 365 * 100)}) {
    google::protobuf::Duration message;
    ToWire(duration, &message);
    EXPECT_THAT(FromWire(message), IsOkAndHolds(duration));
  }
}

TEST(WireTimeTest, TimesHavePositiveNanosAlsoBefore1970) {
  google::protobuf::Timestamp message;
  ToWire(absl::FromUnixMillis(-1500), &message);
  EXPECT_EQ(message.seconds(), -2);
  EXPECT_EQ(message.nanos(), 500'000'000);
}

TEST(WireTimeTest, RefusesWhatIsNoDuration) {
  for (const auto& message :
       {Message(1, -1), Message(-1, 1), Message(0, 1'000'000'000),
        Message(0, -1'000'000'000), Message(315'576'000'001, 0),
        Message(INT64_MIN, 0), Message(INT64_MAX, INT32_MAX)}) {
    EXPECT_THAT(FromWire(message),
                StatusIs(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace mneme
