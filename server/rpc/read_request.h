#ifndef MNEME_SERVER_RPC_READ_REQUEST_H_
#define MNEME_SERVER_RPC_READ_REQUEST_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "mneme/v1/segments.pb.h"
#include "mneme/v1/types.pb.h"
#include "server/session/segment.h"
#include "server/session/session_info.h"

namespace mneme {

// Requests as they came -> values of the session layer. Every error is
// INVALID_ARGUMENT and names the field. What needs the model (the range of
// token ids, output names, top_k) SessionManager::Process checks, but for text.
// Pure functions: any thread may call them.

// `session_id` is the session that the request is for; a handle in `at` must
// name it, or nothing. Deadlines are not read: see ReadTimeout.
absl::StatusOr<SegmentRequest> ReadSegmentRequest(
    const v1::SegmentRequest& message, const std::string& session_id,
    const ModelSpec& model);

// The request's `timeout`; infinite when it has none.
absl::StatusOr<absl::Duration> ReadTimeout(const v1::SegmentRequest& message);

// PRIORITY_UNSPECIFIED is normal.
absl::StatusOr<Priority> ReadPriority(v1::Priority priority);

// A handle of the session that the request is for, in the request's `field`.
absl::StatusOr<MemoryHandle> ReadHandle(const v1::MemoryHandle& message,
                                        const std::string& session_id,
                                        absl::string_view field);

OutputRequest ReadOutputs(const v1::OutputRequest& message);

// The most bytes that the reply to a request can have. It counts what may wait
// from messages before, so it is up to twice the reply to a short message.
int64_t MostReplyBytes(const SegmentRequest& request, const ModelSpec& model);

// Refuses a request whose reply could have more than `limit` bytes.
absl::Status CheckReplySize(const SegmentRequest& request,
                            const ModelSpec& model, int64_t limit);

absl::StatusOr<MemoryPolicy> ReadPolicy(v1::MemoryPolicy policy);
// `unspecified` is what DURABILITY_UNSPECIFIED means.
absl::StatusOr<Durability> ReadDurability(v1::Durability durability,
                                          Durability unspecified);

// Page sizes and tokens of Sessions.List. A token is opaque to clients.
absl::StatusOr<size_t> ReadPageSize(uint32_t page_size);
absl::StatusOr<std::string> ReadPageToken(const std::string& token);
std::string MakePageToken(const std::string& last_session_id);

}  // namespace mneme

#endif  // MNEME_SERVER_RPC_READ_REQUEST_H_
