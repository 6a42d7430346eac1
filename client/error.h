#ifndef MNEME_CLIENT_ERROR_H_
#define MNEME_CLIENT_ERROR_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace grpc {
class Status;
}  // namespace grpc

namespace mneme::client {

// What a server says about an error beside its code and text (google.rpc
// details of the domain "mneme.v1"). Every absl::Status that this library
// returns for a server's error carries it. A plain value.
struct ErrorDetails {
  std::string reason;  // "VERSION_CONFLICT", "QUEUE_FULL", ...; may be empty
  std::map<std::string, std::string> metadata;
  absl::optional<absl::Duration> retry_delay;
};

// The details of `status`; empty ones where it has none. Thread-safe.
ErrorDetails DetailsOf(const absl::Status& status);

// `status` with its code, text and details.
absl::Status FromGrpc(const grpc::Status& status);

}  // namespace mneme::client

#endif  // MNEME_CLIENT_ERROR_H_
