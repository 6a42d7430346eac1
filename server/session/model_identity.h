#ifndef MNEME_SERVER_SESSION_MODEL_IDENTITY_H_
#define MNEME_SERVER_SESSION_MODEL_IDENTITY_H_

#include <compare>
#include <string>
#include <vector>

#include "model/sequence_model.h"
#include "model/tensor.h"
#include "server/base/sha256.h"

namespace mneme {

// What a session's record keeps of the model that it was opened on: enough to
// tell whether the model of that name can go on with it (model_match.h).
struct ModelIdentity {
  std::string name;
  Digest fingerprint{};
  std::string numeric_mode;
  std::vector<TensorSpec> memory;  // what a value is made of, in stored order
  friend auto operator<=>(const ModelIdentity&, const ModelIdentity&) = default;
};

ModelIdentity IdentityOf(const ModelSpec& model);

// The one of those equal to `identity` that all sessions point to, a million of
// which then have it once. It stays until the process ends, so only what this
// server's models and its store say belongs here: not what a client sent.
// Thread-safe.
const ModelIdentity* Intern(ModelIdentity identity);

}  // namespace mneme

#endif  // MNEME_SERVER_SESSION_MODEL_IDENTITY_H_
