#ifndef MNEME_SERVER_RPC_WIRE_TIME_H_
#define MNEME_SERVER_RPC_WIRE_TIME_H_

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace mneme {

// Times as protobuf's well-known types, and back. Pure functions.
void ToWire(absl::Duration duration, google::protobuf::Duration* message);
void ToWire(absl::Time time, google::protobuf::Timestamp* message);

// INVALID_ARGUMENT for what the type's definition forbids: more than 10,000
// years, nanos out of range or of another sign than seconds.
absl::StatusOr<absl::Duration> FromWire(
    const google::protobuf::Duration& message);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_WIRE_TIME_H_
