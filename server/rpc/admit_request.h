#ifndef MNEME_SERVER_RPC_ADMIT_REQUEST_H_
#define MNEME_SERVER_RPC_ADMIT_REQUEST_H_

#include <string>

#include "absl/status/statusor.h"
#include "mneme/v1/segments.pb.h"
#include "server/rpc/byte_budget.h"
#include "server/rpc/call_metadata.h"
#include "server/rpc/rpc_context.h"
#include "server/session/segment.h"

namespace mneme {

// A message that may go to its session. The charge is kept until its reply is
// written.
struct AdmittedRequest {
  SegmentRequest request;
  ByteBudget::Charge charge;
};

// Reads a message to a session of `model`, with its deadline, and charges it.
// Errors are those of ReadSegmentRequest, CheckReplySize, ReadTimeout and
// ByteBudget::Take. Thread-safe.
absl::StatusOr<AdmittedRequest> AdmitRequest(const RpcContext& rpc,
                                             const CallInfo& call,
                                             const std::string& session_id,
                                             const SequenceModel& model,
                                             const v1::SegmentRequest& message);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_ADMIT_REQUEST_H_
