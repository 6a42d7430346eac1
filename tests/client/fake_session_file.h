#ifndef MNEME_TESTS_CLIENT_FAKE_SESSION_FILE_H_
#define MNEME_TESTS_CLIENT_FAKE_SESSION_FILE_H_

#include <grpcpp/support/status.h>

#include <cstdint>
#include <string>

#include "tests/client/fake_session.h"

// Sessions of the FakeServer as exported files: real ones, whose memory is the
// text so far.
namespace mneme::testing {

// The session's value at `step`, which it has.
std::string FakeSessionFile(const FakeSession& session, uint64_t step);

// The session that a file is imported as; `spec` has what is not the file's.
// Errors as the API's: DATA_LOSS, INVALID_ARGUMENT.
grpc::Status ReadFakeSessionFile(const std::string& file,
                                 v1::OpenSessionRequest spec,
                                 uint32_t segment_size, uint64_t retained,
                                 FakeSession& session);

}  // namespace mneme::testing

#endif  // MNEME_TESTS_CLIENT_FAKE_SESSION_FILE_H_
