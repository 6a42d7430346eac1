#ifndef MNEME_SERVER_SESSION_KEPT_REPLY_H_
#define MNEME_SERVER_SESSION_KEPT_REPLY_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/sequence_model.h"
#include "server/base/sha256.h"

namespace mneme {

// What is kept of every applied segment: its digest, so that a retry of other
// tokens is recognised; its outputs, so that a retry is answered with the same
// bytes; and what had been asked for, so that a retry that asks for something
// else is recognised. A plain value; the functions below are pure.
struct KeptReply {
  Digest digest{};
  // False: outputs and extra inputs were too large to be kept.
  bool complete = true;
  OutputRequest request;
  std::vector<NamedTokens> extra_inputs;
  std::vector<HostTensor> outputs;
};

// CBOR. Outputs and extra inputs of more than `limit` bytes of data are left
// out. Decode: DATA_LOSS for bytes that are no kept reply.
std::string EncodeKeptReply(const KeptReply& reply, int64_t limit);
absl::StatusOr<KeptReply> DecodeKeptReply(absl::string_view bytes);

// Whether `reply` answers a request for these outputs with these inputs. (Its
// outputs are not for a request that asks for none.)
bool Answers(const KeptReply& reply, const OutputRequest& request,
             const std::vector<NamedTokens>& extra_inputs);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_KEPT_REPLY_H_
