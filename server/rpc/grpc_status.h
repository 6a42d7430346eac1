#ifndef MNEME_SERVER_RPC_GRPC_STATUS_H_
#define MNEME_SERVER_RPC_GRPC_STATUS_H_

#include <grpcpp/support/status.h>

#include "absl/status/status.h"

namespace mneme {

// The domain of every google.rpc.ErrorInfo that this server sends.
inline constexpr char kErrorDomain[] = "mneme.v1";

// What goes on the wire for `status`; the one place where it is decided. The
// codes have the same numbers. Where the status carries an ErrorInfo (see
// server/base/error_info.h), the details are a google.rpc.Status with
// google.rpc.ErrorInfo and, if it says when to retry, google.rpc.RetryInfo. A
// text that would not fit into gRPC's metadata is cut. INTERNAL always has a
// reason. A pure function.
grpc::Status ToGrpcStatus(const absl::Status& status);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_GRPC_STATUS_H_
