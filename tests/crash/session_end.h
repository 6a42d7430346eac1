#ifndef MNEME_TESTS_CRASH_SESSION_END_H_
#define MNEME_TESTS_CRASH_SESSION_END_H_

#include <grpcpp/grpcpp.h>

#include <string>
#include <vector>

#include "tests/crash/expected_state.h"

namespace mneme {

// What is left of a session that has ended. Pure functions, but for the files.

// Whether a call was answered as one for a session that has expired.
bool IsExpired(const grpc::Status& status);
// The text of its last handle; empty where the answer has none.
std::string LastHandle(const grpc::Status& status);
// Whether a call was answered as one for a session that ended so.
bool IsGone(const grpc::Status& status, SessionEnd end);

// The names of the files below `folder` that have these bytes anywhere.
std::vector<std::string> FilesWith(const std::string& folder,
                                   const std::string& bytes);

}  // namespace mneme

#endif  // MNEME_TESTS_CRASH_SESSION_END_H_
