#ifndef MNEME_SERVER_SESSION_MODEL_MATCH_H_
#define MNEME_SERVER_SESSION_MODEL_MATCH_H_

#include "absl/status/status.h"
#include "model/sequence_model.h"
#include "server/session/model_identity.h"

namespace mneme {

// Whether the server's model can go on with a session, stored or exported, of
// which `opened_on` is kept: FAILED_PRECONDITION MODEL_MISMATCH, which says
// what differs, if the weights, the numeric mode or the memory tensors do.
// `model` is null when the server has none of that name. A pure function.
absl::Status CheckModel(const ModelIdentity& opened_on,
                        const SequenceModel* model);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_MODEL_MATCH_H_
