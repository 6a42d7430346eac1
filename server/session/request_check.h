#ifndef MNEME_SERVER_SESSION_REQUEST_CHECK_H_
#define MNEME_SERVER_SESSION_REQUEST_CHECK_H_

#include "absl/status/status.h"
#include "model/sequence_model.h"
#include "server/session/segment.h"
#include "server/session/session_context.h"
#include "server/session/session_id.h"

namespace mneme {

// Checks what a message asks of a model: token ids and their number, output
// names, top_k, extra inputs. INVALID_ARGUMENT names the field (by its name in
// segments.proto), its value and what was expected. Pure functions, called on
// gRPC threads.
absl::Status CheckRequest(const ModelSpec& model, const SessionLimits& limits,
                          const SegmentRequest& request);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_REQUEST_CHECK_H_
