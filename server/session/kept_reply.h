#ifndef MNEME_SERVER_SESSION_KEPT_REPLY_H_
#define MNEME_SERVER_SESSION_KEPT_REPLY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/sequence_model.h"

namespace mneme {

// The outputs of an applied segment as they are kept, so that a retry is
// answered with the same bytes, and what had been asked for, so that a retry
// that asks for something else is recognised.
struct KeptReply {
  OutputRequest request;
  std::vector<NamedTokens> extra_inputs;
  std::vector<HostTensor> outputs;
};

// CBOR. Decode: DATA_LOSS for bytes that are no kept reply.
std::string EncodeKeptReply(const KeptReply& reply);
absl::StatusOr<KeptReply> DecodeKeptReply(absl::string_view bytes);

// Whether `reply` answers a request for these outputs with these inputs.
bool Answers(const KeptReply& reply, const OutputRequest& request,
             const std::vector<NamedTokens>& extra_inputs);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_KEPT_REPLY_H_
