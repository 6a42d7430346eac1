#ifndef MNEME_TESTS_CRASH_RECOVERY_CHECK_H_
#define MNEME_TESTS_CRASH_RECOVERY_CHECK_H_

#include <grpcpp/grpcpp.h>

#include <memory>

#include "absl/status/status.h"
#include "tests/crash/expected_state.h"

namespace mneme {

// Of a server that has just come back, and of which nothing was asked since:
// OK if it lists every session that is expected, and no other; each can be read
// and is at one of its possible places, with its pin, and still retains the one
// from which what was cut off is asked once more; the last ones that ended are
// told so; and of a session whose beginning or end was cut off all is there, or
// nothing. Else DATA_LOSS with the first that differs.
absl::Status CheckRecovered(const std::shared_ptr<grpc::Channel>& channel,
                            const ExpectedState& expected);

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_RECOVERY_CHECK_H_
