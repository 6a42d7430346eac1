#ifndef MNEME_TESTS_CLIENT_ERROR_STATUS_H_
#define MNEME_TESTS_CLIENT_ERROR_STATUS_H_

#include <grpcpp/support/status.h>

#include <map>
#include <string>

#include "absl/time/time.h"
#include "absl/types/optional.h"

namespace mneme::testing {

// An error as a server sends it: with ErrorInfo of the domain "mneme.v1", and
// RetryInfo if there is a delay.
grpc::Status ErrorStatus(
    grpc::StatusCode code, const std::string& message,
    const std::string& reason, absl::optional<absl::Duration> retry_delay = {},
    const std::map<std::string, std::string>& metadata = {});

// That there is no session of that id, or no model of that name.
grpc::Status NoSession(const std::string& id);
grpc::Status NoModel(const std::string& name);

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_ERROR_STATUS_H_
