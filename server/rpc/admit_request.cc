#include "server/rpc/admit_request.h"

#include <algorithm>

#include "server/base/status_macros.h"
#include "server/rpc/read_request.h"

namespace mneme {

absl::StatusOr<AdmittedRequest> AdmitRequest(
    const RpcContext& rpc, const CallInfo& call, const std::string& session_id,
    const SequenceModel& model, const v1::SegmentRequest& message) {
  AdmittedRequest admitted;
  SegmentRequest& request = admitted.request;
  ASSIGN_OR_RETURN(request,
                   ReadSegmentRequest(message, session_id, model.spec()));
  RETURN_IF_ERROR(CheckReplySize(request, model.spec(), rpc.max_reply_bytes));
  ASSIGN_OR_RETURN(const absl::Duration timeout, ReadTimeout(message));
  request.deadline = std::min(call.deadline, rpc.clock->Monotonic() + timeout);
  const auto bytes = message.ByteSizeLong() +
                     request.tokens.size() * sizeof(request.tokens[0]);
  ASSIGN_OR_RETURN(admitted.charge,
                   rpc.bytes->Take(static_cast<int64_t>(bytes) +
                                   MostReplyBytes(request, model.spec())));
  return admitted;
}

}  // namespace mneme
